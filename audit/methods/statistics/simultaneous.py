"""Levels and intervals that hold for a whole family of comparisons at once, and p values adjusted for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError

Array = NDArray[np.float64]


def bonferroni(confidence: float, comparisons: int) -> float:
    """Confidence of each interval so that all hold together with at least `confidence`, whatever their dependence."""
    return 1 - (1 - confidence) / _at_least_one(comparisons)


def sidak(confidence: float, comparisons: int) -> float:
    """The same for independent (or positively dependent) intervals, a little narrower (Šidák 1967, doi:10.1080/01621459.1967.10482935)."""
    return float(confidence ** (1 / _at_least_one(comparisons)))


@dataclass(frozen=True)
class Family:
    """Intervals (m,) that hold together, and the critical value that widens each standard error."""

    low: Array
    high: Array
    critical: float


def max_t(estimates: Array, replicates: Array, *, confidence: float = 0.95) -> Family:
    """Simultaneous intervals of `estimates` (m,) from joint bootstrap `replicates` (resamples, m), studentised by their spread.

    The critical value is the quantile of max |replicate - estimate| / standard error over the family (Romano & Wolf 2005,
    doi:10.1198/016214504000000539). An estimate without spread keeps an interval of no width.
    """
    spread = replicates.std(axis=0, ddof=1)
    moving = spread > 0
    if not np.isfinite(replicates).all():
        raise MethodError("max-T needs finite replicates; leave out the cells in which the statistic does not always exist")
    if not moving.any():
        return Family(estimates.copy(), estimates.copy(), 0.0)
    largest = np.max(np.abs(replicates - estimates)[:, moving] / spread[moving], axis=1)
    critical = float(np.quantile(largest, confidence))
    return Family(estimates - critical * spread, estimates + critical * spread, critical)


def holm(p_values: Array) -> Array:
    """Holm's adjusted p values (m,), in the order given (Holm 1979, Scandinavian Journal of Statistics 6:65-70)."""
    order = np.argsort(p_values, kind="stable")
    m = len(p_values)
    stepped = np.maximum.accumulate(np.minimum(p_values[order] * (m - np.arange(m)), 1.0))
    adjusted = np.empty(m)
    adjusted[order] = stepped
    return adjusted


def benjamini_hochberg(p_values: Array) -> Array:
    """Adjusted p values (m,), in the order given: those below q have at most a share q of false discoveries in expectation.

    For independent or positively dependent tests. Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    stepped = np.minimum.accumulate((p_values[order] * m / np.arange(1, m + 1))[::-1])[::-1]
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def _at_least_one(comparisons: int) -> int:
    if comparisons < 1:
        raise MethodError(f"a family has at least one comparison, found {comparisons}")
    return comparisons
