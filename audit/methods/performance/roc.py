"""Area under the ROC curve with ties, weights and clusters; the interval is DeLong's, on the logit scale."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from audit.methods.statistics.influence import standard_error
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, normal_quantile, percent

Array = NDArray[np.float64]


def auc(
    scores: Array, positives: NDArray[np.bool_], weights: Array | None = None, *, clusters: NDArray[np.int64] | None = None, confidence: float = 0.95
) -> Estimate:
    """Probability that a positive row scores above a negative one, ties counting one half; exact for any number of rows.

    `scores` (n,) finite, `positives` (n,). The variance is that of DeLong et al. 1988 (doi:10.2307/2531595) in the rank form of Sun & Xu
    2014 (doi:10.1109/LSP.2014.2337313). Without spread (areas 0 and 1) the far end is that of an exact binomial with the rows of the
    smaller class. Undefined without both classes.
    """
    n, n_positive = len(scores), int(positives.sum())
    if n_positive in (0, n):
        return Undefined(f"The area needs both classes; {n_positive} of {n} rows are positive.", n)
    weight = np.ones(n) if weights is None else weights
    above, below = _placements(scores, positives, weight)
    area = float(np.average(above, weights=weight[positives]))
    influence = np.empty(n)
    influence[positives] = (above - area) * weight.sum() / weight[positives].sum()
    influence[~positives] = (below - area) * weight.sum() / weight[~positives].sum()
    error = standard_error(influence, weight, clusters)
    return _logit_interval(area, error, min(n_positive, n - n_positive), n, confidence)


def area(scores: Array, positives: NDArray[np.bool_]) -> float:
    """The area alone, from ranks; NaN-free: raises ZeroDivisionError without both classes."""
    m = int(positives.sum())
    ranks = stats.rankdata(scores)
    return float((ranks[positives].sum() - m * (m + 1) / 2) / (m * (len(scores) - m)))


def _placements(scores: Array, positives: NDArray[np.bool_], weight: Array) -> tuple[Array, Array]:
    """For each positive the weighted share of negatives below it, for each negative that of positives above it."""
    return _share_below(scores[positives], scores[~positives], weight[~positives]), 1 - _share_below(
        scores[~positives], scores[positives], weight[positives]
    )


def _share_below(points: Array, others: Array, weight: Array) -> Array:
    order = np.argsort(others, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(weight[order])])
    left = total[np.searchsorted(others[order], points, side="left")]
    right = total[np.searchsorted(others[order], points, side="right")]
    below: Array = (left + right) / (2 * total[-1])
    return below


def _logit_interval(value: float, error: float, fewest: int, n: int, confidence: float) -> Interval:
    if error <= 0 or value <= 0 or value >= 1:
        edge = ((1 - confidence) / 2) ** (1 / fewest)
        low, high = (min(edge, value), value) if value >= 0.5 else (value, max(1 - edge, value))
        return Interval(value, low, high, n, f"area under the ROC curve, {percent(confidence)} binomial bound of the smaller class")
    centre, half = math.log(value / (1 - value)), normal_quantile(confidence) * error / (value * (1 - value))
    low, high = float(1 / (1 + np.exp(-(centre - half)))), float(1 / (1 + np.exp(-(centre + half))))
    return Interval(value, min(low, value), max(high, value), n, f"area under the ROC curve, DeLong {percent(confidence)} logit interval")
