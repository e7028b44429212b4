"""captum's feature ablation of one row, against each row of a background."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from captum.attr import FeatureAblation
from numpy.typing import NDArray
from torch import Tensor


def captum_ablation(
    network: Callable[[Tensor], Tensor], row: Tensor, background: Tensor, owner: NDArray[np.int64], *, target: int
) -> NDArray[np.float64]:
    """Falls of output `target` (players,) when a player of `row` (…) is replaced: the mean over `background` (b, …).

    Entry e of a flattened row belongs to player ``owner[e]``; a player without entries falls by 0.
    """
    method = FeatureAblation(network)
    mask = torch.as_tensor(owner.reshape(1, *row.shape), device=row.device)
    players, first = np.unique(owner, return_index=True)
    means = np.zeros(int(owner.max()) + 1)
    for baseline in background:
        found = method.attribute(row[None], baselines=baseline[None], target=target, feature_mask=mask)
        means[players] += found.detach().cpu().double().numpy().reshape(-1)[first] / len(background)
    return means
