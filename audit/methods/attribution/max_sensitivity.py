"""Max-sensitivity: how far an attribution moves when its row moves a little."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.errors import MethodError

Array = NDArray[np.float64]
Explain = Callable[[Tensor, NDArray[np.int64]], Array]
"""Moved rows (m, …) and the position of the row each comes from (m,) → attributions (m, players)."""


def max_sensitivity(
    explain: Explain, inputs: Tensor, spread: Tensor, *, streams: Sequence[np.random.Generator], radius: float = 0.1, draws: int = 10
) -> Array:
    """Largest ‖a(x + δ) − a(x)‖ / ‖a(x)‖ over `draws` moves δ of each row of `inputs` (n, …), (n,); NaN where ‖a(x)‖ is 0.

    Each entry of δ is uniform within ± `radius` times the entry of `spread` (…), so that an entry with spread 0 never moves; draws come from
    the row's own of ``streams`` (n). Norms are Euclidean over players. The largest of finitely many draws is a lower bound of the largest within
    the radius. ``explain`` is called once, on n (1 + draws) rows, so it should be an explanation that costs little, such as one by gradients.
    Raises MethodError for inputs that cannot be moved, or moves that are none. Yeh et al. 2019, arXiv:1901.09392.
    """
    if not inputs.is_floating_point():
        raise MethodError(f"rows of type {inputs.dtype} cannot be moved by a little")
    if draws < 1 or not radius > 0:
        raise MethodError(f"{draws} moves within {radius} were asked for; expected 1 or more, within a radius above 0")
    n = len(inputs)
    if not n:
        return np.zeros(0)
    moves = np.stack([stream.uniform(-radius, radius, size=(draws, *inputs.shape[1:])) for stream in streams])
    moved = inputs[:, None] + torch.as_tensor(moves, dtype=inputs.dtype, device=inputs.device) * spread
    found = explain(torch.cat([inputs[:, None], moved], dim=1).flatten(0, 1), np.repeat(np.arange(n), draws + 1)).reshape(n, draws + 1, -1)
    change = np.linalg.norm(found[:, 1:] - found[:, :1], axis=2).max(axis=1)
    size = np.linalg.norm(found[:, 0], axis=1)
    result: Array = np.divide(change, size, out=np.full(n, np.nan), where=size > 0)
    return result
