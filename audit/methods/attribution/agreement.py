"""How far two attributions of the same rows agree: in order, in sign, in what comes first. numpy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError
from audit.methods.statistics.ranks import tied_ranks

Array = NDArray[np.float64]


def rank_correlation(first: Array, second: Array) -> Array:
    """Spearman's correlation of each row of two (n, players) arrays, (n,) in [-1, 1]; NaN where a row of either is constant."""
    _same(first, second)
    ranks = [tied_ranks(values) for values in (first, second)]
    centred = [rank - rank.mean(axis=1, keepdims=True) for rank in ranks]
    size = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    result: Array = np.divide((centred[0] * centred[1]).sum(axis=1), size, out=np.full(len(first), np.nan), where=size > 0)
    return np.clip(result, -1, 1)


def sign_agreement(first: Array, second: Array) -> Array:
    """Share of the attribution that has the same sign in both, (n,) in [0, 1]; NaN where both rows are 0.

    Each player counts with the mean of its shares of the two sums of absolute values, so that values near 0, whose sign is an accident,
    count for little.
    """
    _same(first, second)
    sizes = [np.abs(values) for values in (first, second)]
    sums = [size.sum(axis=1, keepdims=True) for size in sizes]
    share = sum(np.divide(size, total, out=np.zeros_like(size), where=total > 0) for size, total in zip(sizes, sums, strict=True))
    total = np.asarray(share).sum(axis=1)
    same = (np.asarray(share) * (np.sign(first) == np.sign(second))).sum(axis=1)
    result: Array = np.divide(same, total, out=np.full(len(first), np.nan), where=total > 0)
    return result


def top_overlap(first: Array, second: Array, k: int) -> Array:
    """Jaccard index of the k players with the largest absolute values, (n,) in [0, 1]; of equals the first come first."""
    _same(first, second)
    if not 1 <= k <= first.shape[1]:
        raise MethodError(f"k is {k}; expected 1 to {first.shape[1]}")
    member = []
    for values in (first, second):
        inside = np.zeros(values.shape, dtype=bool)
        np.put_along_axis(inside, np.argsort(-np.abs(values), axis=1, kind="stable")[:, :k], values=True, axis=1)
        member.append(inside)
    result: Array = (member[0] & member[1]).sum(axis=1) / (member[0] | member[1]).sum(axis=1)
    return result


def _same(first: Array, second: Array) -> None:
    if first.shape != second.shape or first.ndim != 2:
        raise MethodError(f"attributions have shapes {first.shape} and {second.shape}; expected the same (n, players)")
