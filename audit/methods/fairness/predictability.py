"""How well a membership can be told from scores that were learnt on other rows: areas under the ROC curve, averaged over folds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from audit.methods.statistics.influence import standard_error
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, normal_quantile, percent

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
        if 0 < positives[mine].sum() < len(mine):
            area[mine], influence[mine] = _within(scores[mine], positives[mine], weight[mine])
            used[mine] = True
    if not used.any():
        return Undefined("No fold has rows of both kinds.", n)
    value = float(np.average(area[used], weights=weight[used]))
    units = int(used.sum()) if clusters is None else len(np.unique(clusters[used]))
    if units < 2:
        return Undefined("An interval needs at least 2 independent clusters.", n)
    error = standard_error(influence[used], weight[used], None if clusters is None else clusters[used])
    fewest = int(min(positives[used].sum(), (~positives[used]).sum()))
    return _on_logit(value, error, fewest, int(used.sum()), confidence)


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


def _within(scores: Floats, positives: NDArray[np.bool_], weight: Floats) -> tuple[float, Floats]:
    """Area of one fold and the influence of its rows on it."""
    above = _share_below(scores[positives], scores[~positives], weight[~positives])
    below = 1 - _share_below(scores[~positives], scores[positives], weight[positives])
    area = float(np.average(above, weights=weight[positives]))
    influence = np.empty(len(scores))
    influence[positives] = (above - area) * weight.sum() / weight[positives].sum()
    influence[~positives] = (below - area) * weight.sum() / weight[~positives].sum()
    return area, influence


def _share_below(points: Floats, others: Floats, weight: Floats) -> Floats:
    """Weighted share of `others` below each point, ties counting one half."""
    order = np.argsort(others, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(weight[order])])
    left = total[np.searchsorted(others[order], points, side="left")]
    right = total[np.searchsorted(others[order], points, side="right")]
    share: Floats = (left + right) / (2 * total[-1])
    return share


def _on_logit(value: float, error: float, fewest: int, n: int, confidence: float) -> Interval:
    text = f"area under the ROC curve within folds, linearised {percent(confidence)} interval on the logit scale"
    if 0 < value < 1 and error > 0:
        centre, half = math.log(value / (1 - value)), normal_quantile(confidence) * error / (value * (1 - value))
        low, high = (1 / (1 + math.exp(-min(max(end, -700.0), 700.0))) for end in (centre - half, centre + half))
        return Interval(value, min(low, value), max(high, value), n, text)
    if value in (0.0, 1.0):
        edge = ((1 - confidence) / 2) ** (1 / fewest)
        low, high = (min(edge, 1.0), 1.0) if value == 1.0 else (0.0, 1 - edge)
        return Interval(value, low, high, n, f"area under the ROC curve within folds, {percent(confidence)} binomial bound of the smaller class")
    return Interval(value, value, value, n, f"{text}; scores do not vary")
