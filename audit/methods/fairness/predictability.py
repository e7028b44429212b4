"""How well a membership can be told from scores that were learnt on other rows: areas under the ROC curve, averaged over folds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from audit.methods.statistics.intervals import Estimate, Undefined, normal_quantile
from audit.methods.statistics.roc_area import RocArea, logit_interval, roc_area, score_codes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def fold_area(
    scores: Floats,
    positives: NDArray[np.bool_],
    folds: Ints,
    weights: Floats | None = None,
    *,
    clusters: Ints | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Mean over the folds of the area under the ROC curve, in [0, 1]; 0.5 when scores tell nothing.

    Rows (n,) are held against rows of their own fold only, whose scores come from one fit. A fold counts by its rows. The interval is that of
    LeDell et al. 2015 (doi:10.1214/15-EJS1035), from influence values, on the logit scale. Folds without both kinds of rows are left out;
    Undefined when none is left.
    """
    n = len(scores)
    weight = np.ones(n) if weights is None else weights
    area, influence, used = np.zeros(n), np.zeros(n), np.zeros(n, dtype=np.bool_)
    for fold in np.unique(folds):
        mine = np.flatnonzero(folds == fold)
        if min(weight[mine][positives[mine]].sum(), weight[mine][~positives[mine]].sum()) > 0:
            held = roc_area(score_codes(scores[mine]), positives[mine], weight[mine])
            area[mine], influence[mine], used[mine] = held.value, held.influence, True
    if not used.any():
        return Undefined("No fold has rows of both kinds.", n)
    value = float(np.average(area[used], weights=weight[used]))
    owner = None if clusters is None else clusters[used]
    if owner is not None and len(np.unique(owner)) < 2:
        return Undefined("An interval needs at least 2 independent clusters.", n)
    return logit_interval(
        RocArea(value, influence[used]),
        positives[used],
        None if weights is None else weights[used],
        clusters=owner,
        confidence=confidence,
        what="area under the ROC curve within folds, linearised",
        bound="area under the ROC curve within folds",
    )


def level_shares(values: NDArray[np.int64], positives: NDArray[np.bool_], folds: Ints, weights: Floats | None = None) -> Floats:
    """For each row the share of positives among rows of other folds with its value (codes (n,)), (n,): a text column as a score.

    One row of the average of all is added to each value, so that rare values say little.
    """
    weight = np.ones(len(values)) if weights is None else weights
    scores = np.empty(len(values))
    for fold in np.unique(folds):
        mine = folds == fold
        base = float(np.average(positives[~mine], weights=weight[~mine])) if (~mine).any() else 0.5
        size = int(values.max(initial=0)) + 1
        total = np.bincount(values[~mine], weights=weight[~mine], minlength=size)
        hits = np.bincount(values[~mine], weights=(weight * positives)[~mine], minlength=size)
        scores[mine] = ((hits + base) / (total + 1))[values[mine]]
    return scores


def chance_p(area: Estimate, *, confidence: float = 0.95) -> float | None:
    """Two-sided p value that the area is one half, from its logit interval; None where it is Undefined.

    At 0 and 1 the interval is a binomial bound, whose number of rows m gives 2 · 0.5^m.
    """
    if isinstance(area, Undefined):
        return None
    if area.value in (0.0, 1.0):
        edge = area.low if area.value == 1.0 else 1 - area.high
        return min(1.0, 2 * 0.5 ** (math.log((1 - confidence) / 2) / math.log(edge))) if 0 < edge < 1 else 1.0
    low, high = (math.log(end / (1 - end)) if 0 < end < 1 else math.copysign(700.0, end - 0.5) for end in (area.low, area.high))
    centre, error = math.log(area.value / (1 - area.value)), (high - low) / (2 * normal_quantile(confidence))
    return math.erfc(abs(centre) / error / math.sqrt(2)) if error > 0 else 1.0
