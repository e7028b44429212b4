"""Errors of predicted quantities: mean absolute error, root mean squared error, R squared, each with a linearised interval."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from audit.methods.statistics.influence import influence_interval
from audit.methods.statistics.intervals import Estimate, Interval, Undefined
from audit.methods.statistics.means import mean_interval

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


def mean_absolute_error(errors: Array, weights: Array | None = None, *, clusters: Ints | None = None, confidence: float = 0.95) -> Estimate:
    """Mean of |error| in the unit of the label; `errors` (n,) are predictions minus labels."""
    return _not_below_zero(mean_interval(np.abs(errors), weights, clusters=clusters, confidence=confidence))


def root_mean_squared_error(errors: Array, weights: Array | None = None, *, clusters: Ints | None = None, confidence: float = 0.95) -> Estimate:
    """Root of the mean squared error in the unit of the label; the ends are the roots of the ends of the mean's interval."""
    squared = mean_interval(errors**2, weights, clusters=clusters, confidence=confidence)
    if isinstance(squared, Undefined):
        return squared
    value, low, high = (math.sqrt(max(0.0, number)) for number in (squared.value, squared.low, squared.high))
    return Interval(value, low, high, squared.n, f"root of: {squared.method}")


def r_squared(labels: Array, predictions: Array, weights: Array | None = None, *, clusters: Ints | None = None, confidence: float = 0.95) -> Estimate:
    """1 - sum(error^2) / sum((label - mean label)^2), at most 1 and without lower bound; Undefined when the labels do not vary."""
    n = len(labels)
    centred = labels - np.average(labels, weights=weights) if n else labels
    spread = float(np.average(centred**2, weights=weights)) if n else 0.0
    if spread <= 0:
        return Undefined("R squared needs labels that vary.", n)
    squares = (predictions - labels) ** 2
    lost = float(np.average(squares, weights=weights)) / spread
    influence = -(squares - lost * centred**2) / spread
    found = influence_interval(1 - lost, influence, weights=weights, clusters=clusters, confidence=confidence, method="R squared, linearised")
    if isinstance(found, Undefined):
        return found
    return Interval(found.value, found.low, max(found.value, min(1.0, found.high)), n, found.method)


def _not_below_zero(estimate: Estimate) -> Estimate:
    if isinstance(estimate, Undefined):
        return estimate
    return Interval(estimate.value, max(0.0, estimate.low), estimate.high, estimate.n, estimate.method)
