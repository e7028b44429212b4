"""Differences of the mean and of the median score of two groups, with weights and clusters honoured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.methods.statistics.censored import censored_median_difference
from audit.methods.statistics.intervals import Estimate
from audit.methods.statistics.means import mean_difference, median_difference


@dataclass(frozen=True)
class Sample:
    """Finite scores of one group (n,), with weights and clusters where rows have them."""

    scores: NDArray[np.float64]
    weights: NDArray[np.float64] | None = None
    clusters: NDArray[np.int64] | None = None


def mean_shift(one: Sample, two: Sample) -> Estimate:
    """Mean score of `one` less that of `two`, with Welch's interval."""
    weights = None if one.weights is None or two.weights is None else (one.weights, two.weights)
    clusters = None if one.clusters is None or two.clusters is None else (one.clusters, two.clusters)
    return mean_difference(one.scores, two.scores, weights, clusters=clusters)


def median_shift(one: Sample, two: Sample) -> Estimate:
    """Median score of `one` less that of `two`, from order statistics; with weights or clusters from Woodruff's intervals."""
    if one.weights is None and one.clusters is None:
        return median_difference(one.scores, two.scores)
    nothing_beyond = [np.zeros(len(side.scores), dtype=np.bool_) for side in (one, two)]
    return censored_median_difference(
        (one.scores, nothing_beyond[0]),
        (two.scores, nothing_beyond[1]),
        largest=float(max(one.scores.max(), two.scores.max())),
        weights=(one.weights, two.weights),
        clusters=(one.clusters, two.clusters),
    )
