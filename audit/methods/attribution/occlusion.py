"""Occlusion: how far the output falls when a window of the inputs is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.answers import Network, answered
from audit.models.chunks import each_part

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Occlusion:
    """Falls of one output of n rows, float64, in its unit.

    `values` (n, w) the output less its mean with a window replaced, `se` (n, w) the standard error of that mean over the baselines, missing
    (NaN) for a single one, `total` (n,) the output of each row, `evaluations` (n,) the rows the network was given.
    """

    values: Array
    se: Array
    total: Array
    evaluations: NDArray[np.int64]


def occlusion(network: Network, inputs: Tensor, baselines: Tensor, windows: NDArray[np.bool_], target: Tensor, *, chunk: int = 4096) -> Occlusion:
    """f(x) − mean over baselines b of f(x with the window taken from b), for each of `windows` (w, …).

    `inputs` (n, …) of any type, since entries are exchanged and never mixed, `baselines` (b, …), `target` (n,) int64 columns of the output. A
    window in which a row agrees with all baselines gets exactly 0. Raises MethodError for shapes that do not fit. Zeiler & Fergus 2014,
    arXiv:1311.2901.
    """
    if windows.shape[1:] != tuple(inputs.shape[1:]) or baselines.shape[1:] != inputs.shape[1:] or not len(baselines):
        raise MethodError(
            f"windows {windows.shape} and baselines {tuple(baselines.shape)} do not fit inputs of shape {tuple(inputs.shape)}, one entry each"
        )
    b, inside = len(baselines), torch.as_tensor(windows, device=inputs.device)
    values, se = np.zeros((len(inputs), len(windows))), np.zeros((len(inputs), len(windows)))
    total, spent = np.zeros(len(inputs)), np.zeros(len(inputs), dtype=np.int64)
    for place, (row, output) in enumerate(zip(inputs, target.cpu().tolist(), strict=True)):
        differing = ((baselines != row) & inside[:, None]).flatten(1).any(dim=1).nonzero()[:, 0]
        falls = [np.zeros((0, b))]
        whole = float(answered(network, row[None])[0, output])
        falls += each_part(partial(_falls, network, row, baselines, inside, output, whole), differing, max(1, chunk // b))
        found, where = np.concatenate(falls), differing.cpu().numpy()
        values[place, where], total[place], spent[place] = found.mean(axis=1), whole, 1 + found.size
        se[place, where] = found.std(axis=1, ddof=1) / np.sqrt(b) if b > 1 else np.nan
    return Occlusion(values, se, total, spent)


def _falls(network: Network, row: Tensor, baselines: Tensor, inside: Tensor, output: int, whole: float, part: Tensor) -> Array:  # noqa: PLR0917  tried with less
    """Falls (p, b) of some of the windows."""
    mixed = torch.where(inside[part][:, None], baselines, row).flatten(0, 1)
    return np.asarray(whole - answered(network, mixed)[:, output].reshape(-1, len(baselines)).numpy())


def sliding_windows(shape: Sequence[int], window: Sequence[int], strides: Sequence[int]) -> NDArray[np.bool_]:
    """Boxes of size `window` moved over `shape` by `strides`, as (w, …); the last of a row of boxes is cut off where the inputs end.

    Raises MethodError for a window or stride that leaves entries uncovered or does not fit.
    """
    sizes = list(zip(shape, window, strides, strict=True)) if len(shape) == len(window) == len(strides) else []
    if not sizes or any(not 1 <= step <= wide <= size for size, wide, step in sizes):
        raise MethodError(
            f"window {tuple(window)} and strides {tuple(strides)} do not cover inputs of shape {tuple(shape)}: expected 1 ≤ stride ≤ window ≤ size"
        )
    starts = [[step * at for at in range(ceil((size - wide) / step) + 1)] for size, wide, step in sizes]
    found = np.zeros((int(np.prod([len(at) for at in starts])), *shape), dtype=np.bool_)
    for place, corner in enumerate(product(*starts)):
        found[place][tuple(slice(at, at + wide) for at, wide in zip(corner, window, strict=True))] = True
    return found


def per_entry(values: Array, windows: NDArray[np.bool_]) -> Array:
    """Mean over the windows that cover an entry: (n, w) gives (n, …)."""
    flat = windows.reshape(len(windows), -1).astype(np.float64)
    covered: Array = (values @ flat) / np.maximum(flat.sum(axis=0), 1)
    return covered.reshape(len(values), *windows.shape[1:])
