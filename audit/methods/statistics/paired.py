"""Two proportions of the same rows: the interval of their difference, the exact test that they are equal, and differences of such differences."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from audit.methods.statistics.group_shares import one_share
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, percent
from audit.methods.statistics.proportions import wilson

Mask = NDArray[np.bool_]
Array = NDArray[np.float64]


def paired_difference(
    first: Mask, second: Mask, weights: Array | None = None, *, clusters: NDArray[np.int64] | None = None, confidence: float = 0.95
) -> Estimate:
    """Share of `first` minus share of `second`, both (n,) of the same rows, with Newcombe's hybrid score interval for pairs.

    Method 10 of Newcombe 1998, doi:10.1002/(SICI)1097-0258(19981130)17:22<2635::AID-SIM954>3.0.CO;2-C: Wilson's ends of both shares, joined
    by their correlation. For weighted or clustered rows the shares rest on their effective n and the correlation on the weights.
    """
    n = len(first)
    shares = [one_share(side, weights=weights, clusters=clusters) for side in (first, second)]
    one, two = (wilson(share, confidence=confidence) for share in shares)
    if isinstance(one, Undefined) or isinstance(two, Undefined):
        return Undefined("There are no rows.", n)
    phi = _correlation(_table(first, second, weights) * min(share.total for share in shares))
    low = _away(one.value - one.low, two.high - two.value, phi)
    high = _away(one.high - one.value, two.value - two.low, phi)
    value = one.value - two.value
    note = "" if shares[0].exact else ", effective n"
    method = f"difference of paired proportions, Newcombe {percent(confidence)} interval{note}"
    return Interval(value, max(value - low, -1.0), min(value + high, 1.0), n, method)


def mcnemar_p(first: Mask, second: Mask) -> float:
    """Two-sided exact p value that both are true equally often: a fair coin for each row (n,) in which they differ; 1 where none does.

    McNemar 1947, doi:10.1007/BF02295996.
    """
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    return min(1.0, float(2 * bdtr(min(only_first, only_second), only_first + only_second, 0.5)))


def difference_of(first: Estimate, second: Estimate, *, what: str) -> Estimate:
    """`first` minus `second` of two independent estimates, the ends from the distances of theirs (Zou & Donner 2008, doi:10.1002/sim.3095)."""
    n = first.n + second.n
    if isinstance(first, Undefined) or isinstance(second, Undefined):
        return Undefined(next(one.reason for one in (first, second) if isinstance(one, Undefined)), n)
    value = first.value - second.value
    low = value - math.hypot(first.value - first.low, second.high - second.value)
    high = value + math.hypot(first.high - first.value, second.value - second.low)
    return Interval(value, low, high, n, f"difference of {what}, each with its interval: {first.method}")


def _table(first: Mask, second: Mask, weights: Array | None) -> Array:
    """Shares of rows with both, the first only, the second only, neither."""
    weight = np.ones(len(first)) if weights is None else weights
    cells = np.bincount(np.where(first, 0, 2) + np.where(second, 0, 1), weights=weight, minlength=4)
    return np.asarray(cells / cells.sum())


def _correlation(table: Array) -> float:
    """Phi of counts (4,) with Newcombe's correction for continuity; 0 where a margin is empty."""
    a, b, c, d = (float(cell) for cell in table)
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if margins <= 0:
        return 0.0
    product, half = a * d - b * c, sum(table) / 2
    corrected = product if product < 0 else max(product - half, 0.0)
    return corrected / math.sqrt(margins)


def _away(first: float, second: float, phi: float) -> float:
    return math.sqrt(max(first**2 - 2 * phi * first * second + second**2, 0.0))
