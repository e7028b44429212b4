"""Errors and levels of predicted quantities in one group: each statistic with the influence of every row on it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from audit.methods.fairness.combined import weighted_sum
from audit.methods.fairness.comparisons import FEWEST_COMPARED
from audit.methods.fairness.quantities import Quantity, quantity
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, percent

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


def group_mean(values: Array, weights: Array | None = None, clusters: Ints | None = None) -> Quantity | Undefined:
    """Mean of `values` (n,); Undefined without rows."""
    if len(values) == 0:
        return Undefined("There are no rows.", 0)
    centre = float(np.average(values, weights=weights))
    return quantity(centre, values - centre, weights, clusters)


def group_root_mean_square(errors: Array, weights: Array | None = None, clusters: Ints | None = None) -> Quantity | Undefined:
    """Root of the mean squared error, in the unit of the errors (n,)."""
    if len(errors) == 0:
        return Undefined("There are no rows.", 0)
    squares = errors**2
    value = math.sqrt(float(np.average(squares, weights=weights)))
    influence = (squares - value**2) / (2 * value) if value > 0 else np.zeros(len(errors))
    return quantity(value, influence, weights, clusters)


def group_r_squared(labels: Array, predictions: Array, weights: Array | None = None, clusters: Ints | None = None) -> Quantity | Undefined:
    """1 - sum(error²) / sum((label - mean label in the group)²); Undefined when labels do not vary or fewer than five rows are known."""
    reason = _too_little(labels, "label")
    if reason:
        return Undefined(reason, len(labels))
    centred = (labels - np.average(labels, weights=weights)) ** 2
    spread = float(np.average(centred, weights=weights))
    squares = (predictions - labels) ** 2
    lost = float(np.average(squares, weights=weights)) / spread
    return quantity(1 - lost, -(squares - lost * centred) / spread, weights, clusters)


def group_correlation(labels: Array, predictions: Array, weights: Array | None = None, clusters: Ints | None = None) -> Quantity | Undefined:
    """Pearson's correlation of labels and predictions (n,) in [-1, 1]; Undefined when one of them does not vary or with fewer than five rows."""
    reason = _too_little(labels, "label") or _too_little(predictions, "prediction")
    if reason:
        return Undefined(reason, len(labels))
    one, two = (_standardised(values, weights) for values in (labels, predictions))
    value = float(np.clip(np.average(one * two, weights=weights), -1.0, 1.0))
    return quantity(value, one * two - value * (one**2 + two**2) / 2, weights, clusters)


def correlation_interval(held: Quantity | Undefined, *, confidence: float = 0.95) -> Estimate:
    """The linearised interval on Fisher's scale, which holds without normal errors (Fisher 1915, doi:10.2307/2331838)."""
    if isinstance(held, Undefined):
        return held
    units = len(held.parts)
    if units < 2:
        return Undefined("An interval needs at least 2 independent clusters.", held.n)
    text = f"Pearson correlation, linearised {percent(confidence)} interval on Fisher's scale"
    if abs(held.value) >= 1 - 1e-12:
        return Interval(held.value, held.value, held.value, held.n, text)
    half = float(stdtrit(units - 1, 0.5 + confidence / 2)) * held.error / (1 - held.value**2)
    centre = math.atanh(held.value)
    return Interval(held.value, math.tanh(centre - half), math.tanh(centre + half), held.n, text)


def correlation_difference(group: Quantity | Undefined, reference: Quantity | Undefined, *, confidence: float = 0.95) -> Estimate:
    """`group` minus `reference`; near 1 an interval is lopsided, so both ends come from those of the parts (Zou 2007,
    doi:10.1037/1082-989X.12.4.399). The parts are taken as independent, also where clusters have rows in both groups."""
    parts = [correlation_interval(side, confidence=confidence) for side in (group, reference)]
    return weighted_sum(parts, (1.0, -1.0), what="difference of correlations")


def _too_little(values: Array, what: str) -> str:
    if len(values) < FEWEST_COMPARED:
        return f"There are {len(values)} rows, too few (at least {FEWEST_COMPARED})."
    return f"All {len(values)} {what}s are alike, and it needs {what}s that vary." if np.ptp(values) == 0 else ""


def _standardised(values: Array, weights: Array | None) -> Array:
    centred = values - np.average(values, weights=weights)
    return np.asarray(centred / math.sqrt(float(np.average(centred**2, weights=weights))))
