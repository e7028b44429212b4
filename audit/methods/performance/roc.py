"""Area under the ROC curve with ties, weights and clusters; the interval is DeLong's, on the logit scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.methods.statistics.intervals import Estimate, Undefined
from audit.methods.statistics.ranks import tied_ranks
from audit.methods.statistics.roc_area import logit_interval, roc_area, score_codes

Array = NDArray[np.float64]


def auc(
    scores: Array, positives: NDArray[np.bool_], weights: Array | None = None, *, clusters: NDArray[np.int64] | None = None, confidence: float = 0.95
) -> Estimate:
    """Probability that a positive row scores above a negative one, ties counting one half; exact for any number of rows.

    `scores` (n,) finite, `positives` (n,). The variance is that of DeLong et al. 1988 (doi:10.2307/2531595) in the rank form of Sun & Xu
    2014 (doi:10.1109/LSP.2014.2337313), summed within clusters. Without spread (areas 0 and 1, constant scores) the ends are bounds of a
    binomial with the rows of the smaller class. Undefined without weight in both classes, and with a single cluster.
    """
    n, n_positive = len(scores), int(positives.sum())
    if n_positive in (0, n):
        return Undefined(f"The area needs both classes; {n_positive} of {n} rows are positive.", n)
    if weights is not None and min(weights[positives].sum(), weights[~positives].sum()) <= 0:
        return Undefined("The area needs both classes; one has no weight.", n)
    if clusters is not None and len(np.unique(clusters)) < 2:
        return Undefined("An interval needs at least 2 independent clusters; there is 1.", n)
    held = roc_area(score_codes(scores), positives, weights)
    return logit_interval(held, positives, weights, clusters=clusters, confidence=confidence)


def area(scores: Array, positives: NDArray[np.bool_]) -> float:
    """The area alone, from ranks; NaN-free: raises ZeroDivisionError without both classes."""
    m = int(positives.sum())
    ranks = tied_ranks(scores)
    return float((ranks[positives].sum() - m * (m + 1) / 2) / (m * (len(scores) - m)))
