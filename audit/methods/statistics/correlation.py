"""Pearson's correlation with Fisher's interval."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from audit.methods.statistics.intervals import Estimate, Interval, Undefined, normal_quantile, percent


def correlation(first: NDArray[np.float64], second: NDArray[np.float64], *, confidence: float = 0.95) -> Estimate:
    """Correlation of two columns (n,) in [-1, 1]; Undefined with fewer than 4 rows or a constant column. Fisher 1915, doi:10.2307/2331838."""
    n = len(first)
    if n < 4:
        return Undefined(f"Fisher's interval needs at least 4 rows; there are {n}.", n)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return Undefined("One of the columns does not vary.", n)
    value = float(np.clip(np.corrcoef(first, second)[0, 1], -1.0, 1.0))
    text = f"Pearson correlation, Fisher {percent(confidence)} interval"
    if abs(value) >= 1:
        return Interval(value, value, value, n, text)
    centre, half = math.atanh(value), normal_quantile(confidence) / math.sqrt(n - 3)
    return Interval(value, math.tanh(centre - half), math.tanh(centre + half), n, text)
