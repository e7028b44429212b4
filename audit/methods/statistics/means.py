"""Means, differences of means and quantiles with intervals; weights and clusters are honoured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrik, stdtrit

from audit.errors import MethodError
from audit.methods.statistics.influence import influence_interval, standard_error
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, percent

Array = NDArray[np.float64]


def effective_n(weights: Array) -> float:
    """Kish's effective sample size, (sum w)^2 / sum w^2, in rows (Kish 1965, Survey Sampling)."""
    if len(weights) == 0 or (weights < 0).any() or weights.sum() <= 0:
        raise MethodError("weights must be non-negative with a positive sum")
    return float(weights.sum() ** 2 / np.sum(weights**2))


def mean_interval(values: Array, weights: Array | None = None, *, clusters: NDArray[np.int64] | None = None, confidence: float = 0.95) -> Estimate:
    """Mean of finite `values` (n,) with its t interval; the weighted mean has the linearised standard error."""
    if len(values) == 0:
        return Undefined("There are no rows.", 0)
    centre = float(np.average(values, weights=weights))
    return influence_interval(
        centre, values - centre, weights=weights, clusters=clusters, confidence=confidence, method="mean" if weights is None else "weighted mean"
    )


def mean_difference(
    first: Array,
    second: Array,
    weights: tuple[Array, Array] | None = None,
    *,
    clusters: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Mean of `first` minus mean of `second` with Welch's interval (Welch 1947, doi:10.1093/biomet/34.1-2.28)."""
    n = len(first) + len(second)
    samples = (first, second)
    units = [len(v) if clusters is None else len(np.unique(clusters[i])) for i, v in enumerate(samples)]
    if min(units) < 2:
        return Undefined(f"Welch's interval needs at least 2 independent rows on each side; there are {units[0]} and {units[1]}.", n)
    held = [None if weights is None else weights[i] for i in range(2)]
    centres = [float(np.average(v, weights=w)) for v, w in zip(samples, held, strict=True)]
    errors = [
        standard_error(v - m, w, None if clusters is None else clusters[i]) for i, (v, m, w) in enumerate(zip(samples, centres, held, strict=True))
    ]
    value, spread = centres[0] - centres[1], float(np.hypot(errors[0], errors[1]))
    half = float(stdtrit(_welch_freedom(errors, units), 0.5 + confidence / 2)) * spread
    return Interval(value, value - half, value + half, n, f"difference of means, Welch {percent(confidence)} interval")


def quantile_interval(values: Array, q: float = 0.5, *, confidence: float = 0.95) -> Estimate:
    """The `q` quantile of `values` (n,) with the distribution-free order-statistic interval; its true coverage is at least `confidence`.

    The ends are the order statistics whose ranks bracket a binomial(n, q) count (David & Nagaraja 2003, Order Statistics, section 7.1).
    """
    n = len(values)
    if n == 0:
        return Undefined("There are no rows.", 0)
    ordered, tail = np.sort(values), (1 - confidence) / 2
    below = _binomial_quantile(tail, n, q)
    above = _binomial_quantile(1 - tail, n, q) + 1
    if below < 1 or bdtr(below - 1, n, q) > tail or above > n:
        return Undefined(f"{n} rows are too few for a {percent(confidence)} interval of the {q:g} quantile.", n)
    value = float(np.quantile(ordered, q))
    low, high = float(ordered[below - 1]), float(ordered[above - 1])
    return Interval(value, min(low, value), max(high, value), n, f"{q:g} quantile, order-statistic {percent(confidence)} interval")


def _binomial_quantile(p: float, n: int, q: float) -> int:
    """The fewest successes of `n` that are not exceeded with probability `p`."""
    successes = max(int(np.ceil(np.nan_to_num(bdtrik(p, n, q)))), 0)  # where q is 0 the root is undefined
    return successes - 1 if successes > 0 and bdtr(successes - 1, n, q) >= p else successes


def median_difference(first: Array, second: Array, *, confidence: float = 0.95) -> Estimate:
    """Median of `first` minus median of `second`; the ends recover the variances from the two order-statistic intervals.

    Zou & Donner 2008, doi:10.1002/sim.3095. Undefined when either side is too small for its interval.
    """
    one, two = (quantile_interval(values, 0.5, confidence=confidence) for values in (first, second))
    n = len(first) + len(second)
    if isinstance(one, Undefined) or isinstance(two, Undefined):
        return Undefined(next(side.reason for side in (one, two) if isinstance(side, Undefined)), n)
    value = one.value - two.value
    low = value - float(np.hypot(one.value - one.low, two.high - two.value))
    high = value + float(np.hypot(one.high - one.value, two.value - two.low))
    return Interval(value, low, high, n, f"difference of medians, {percent(confidence)} interval from order statistics")


def _welch_freedom(errors: list[float], units: list[int]) -> float:
    squares = [error**2 for error in errors]
    below = sum(square**2 / (n - 1) for square, n in zip(squares, units, strict=True))
    return sum(squares) ** 2 / below if below > 0 else float(sum(units) - 2)
