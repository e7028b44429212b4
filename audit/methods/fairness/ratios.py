"""The ratio of two overlapping counts of the same rows, such as favourable labels over favourable decisions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from audit.methods.statistics.influence import equal_clusters, standard_error
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, normal_quantile, percent

Mask = NDArray[np.bool_]
FEWEST_DISCORDANT = 5


def ratio_of_counts(
    over: Mask,
    under: Mask,
    *,
    weights: NDArray[np.float64] | None = None,
    clusters: NDArray[np.int64] | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Rows in `over` for each row in `under`, both (n,) of the same rows, with a log interval by linearisation.

    For plain rows the variance of the log is (b + c) / (x y), with x and y the two counts and b and c the rows in only one of them. Undefined
    when a count is 0, and when fewer than five rows are in only one of the two, which leaves the error unknown, unless the two counts are of
    the same rows.
    """
    n = len(over)
    if not over.any() or not under.any():
        return Undefined("One of the two counts is zero.", n)
    weight = np.ones(n) if weights is None else weights
    value = float(weight[over].sum() / weight[under].sum())
    apart = int((over != under).sum())
    if apart == 0:
        return Interval(1.0, 1.0, 1.0, n, "ratio of counts of the same rows")
    if apart < FEWEST_DISCORDANT:
        return Undefined(f"Only {apart} rows are in one of the two counts and not in the other, too few for an interval.", n)
    influence = over / np.average(over, weights=weights) - under / np.average(under, weights=weights)
    units = n if clusters is None else len(np.unique(clusters))
    if units < 2:
        return Undefined(f"An interval needs at least 2 independent units; there is {units}.", n)
    error = standard_error(influence, weights, clusters)
    quantile = normal_quantile(confidence)
    if clusters is not None:
        quantile = float(stdtrit(max(equal_clusters(clusters, weights) - 1, 1), 0.5 + confidence / 2))
    factor = math.exp(min(quantile * error, 700.0))
    return Interval(value, value / factor, value * factor, n, f"ratio of counts, log {percent(confidence)} interval")
