"""captum's integrated gradients on a few rows, with the same baselines and as many points on each path."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from captum.attr import IntegratedGradients
from numpy.typing import NDArray
from torch import Tensor

CHUNK = 4096
"""Points differentiated at once."""


def captum_integrated_gradients(
    network: Callable[[Tensor], Tensor], row: Tensor, background: Tensor, *, target: int, steps: int
) -> NDArray[np.float64]:
    """Integrated gradients of output `target` for one `row` (…), float64 (…): the mean over the rows of `background` (b, …) as baselines."""
    method = IntegratedGradients(network)
    repeated = row[None].expand_as(background)
    found = method.attribute(
        repeated, baselines=background, target=target, n_steps=steps, method="gausslegendre", internal_batch_size=max(CHUNK, len(background))
    )
    return np.asarray(found.detach().cpu().double().mean(dim=0).numpy())
