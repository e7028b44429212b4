"""Average precision: how purely the rows ranked highest are the positive ones, with ties, weights and clusters."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from audit.methods.statistics.intervals import Estimate, Interval, Undefined, normal_quantile, percent

Array = NDArray[np.float64]


def average_precision(
    scores: Array, positives: NDArray[np.bool_], weights: Array | None = None, *, clusters: NDArray[np.int64] | None = None, confidence: float = 0.95
) -> Estimate:
    """Mean of the precision at the score of each positive row, rows of equal scores taken together; the base rate by chance, 1 at best.

    `scores` (n,) finite, `positives` (n,). The sum over distinct scores, from the highest, of precision times gain in recall. The interval is
    taken on the logit scale with the standard error 1 / sqrt(m p (1 - p)) of Boyd, Eng & Page 2013, doi:10.1007/978-3-642-40994-3_29, for m
    positive rows, effective rows (Kish) where they are weighted, or clusters with one. At 0 or 1 it is a binomial bound of m. Undefined without
    weight in both classes.
    """
    n, weight = len(scores), np.ones(len(scores)) if weights is None else weights
    if weight[positives].sum() <= 0 or weight[~positives].sum() <= 0:
        return Undefined(f"Average precision needs both classes; {int(positives.sum())} of {n} rows are positive.", n)
    units = _units(weight[positives], None if clusters is None else clusters[positives])
    return _interval(_value(scores, positives, weight), units, n, clusters is not None, confidence)


def _value(scores: Array, positives: NDArray[np.bool_], weight: Array) -> float:
    _, place = np.unique(-scores, return_inverse=True)
    all_mass = np.cumsum(np.bincount(place, weights=weight))
    hits = np.bincount(place, weights=weight * positives)
    precision = np.divide(np.cumsum(hits), all_mass, out=np.zeros_like(all_mass), where=all_mass > 0)
    return float(min(max((precision * hits).sum() / hits.sum(), 0.0), 1.0))


def _units(weight: Array, clusters: NDArray[np.int64] | None) -> float:
    if clusters is not None:
        return float(len(np.unique(clusters)))
    return float(weight.sum() ** 2 / np.square(weight).sum())


def _interval(value: float, units: float, n: int, clustered: bool, confidence: float) -> Interval:
    if not 0 < value < 1:
        alike = ((1 - confidence) / 2) ** (1 / max(units, 1.0))
        low, high = value * alike, value * alike + (1 - alike)
        return Interval(value, min(low, value), max(high, value), n, f"average precision, {percent(confidence)} binomial bound of the positive rows")
    centre, half = math.log(value / (1 - value)), normal_quantile(confidence) / math.sqrt(units * value * (1 - value))
    low, high = (1 / (1 + math.exp(-min(max(end, -700.0), 700.0))) for end in (centre - half, centre + half))
    text = f"average precision, {percent(confidence)} logit interval over {units:,.0f} {'clusters with' if clustered else ''} positive rows"
    return Interval(value, min(low, value), max(high, value), n, " ".join(text.split()))
