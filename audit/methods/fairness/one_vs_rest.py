"""Rates of each class against all others, by group: every denominator is counted inside the group, never over everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from audit.methods.fairness.combined import mean_size, weighted_sum
from audit.methods.fairness.comparisons import FEWEST_COMPARED, compare
from audit.methods.fairness.quantities import Quantity, group_interval, quantity, quantity_difference
from audit.methods.statistics.bootstrap import FEWEST_CLUSTERS, FEWEST_DEFINED, multinomial_replicates
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, percent
from audit.methods.statistics.proportions import FEWEST_EXPECTED, Share, proportion_interval
from audit.methods.statistics.simultaneous import bonferroni, max_t

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RATES = ("true_positive_rate", "false_positive_rate", "positive_predictive_value")


@dataclass(frozen=True)
class Labelled:
    """Rows with a known label, (n,) each: label, decision (-1 for none), group (-1 for unknown), weights and clusters."""

    labels: Ints
    decisions: Ints
    codes: Ints
    weights: Floats | None
    clusters: Ints | None

    def sides(self, group: int, reference: int) -> Labelled:
        """The rows of two groups, coded 0 and 1."""
        kept = (self.codes == group) | (self.codes == reference)
        weights = None if self.weights is None else self.weights[kept]
        clusters = None if self.clusters is None else self.clusters[kept]
        return Labelled(self.labels[kept], self.decisions[kept], (self.codes[kept] == reference).astype(np.int64), weights, clusters)


ClassShares = Mapping[str, Sequence[Sequence[Share]]]
"""Rate name to the share of each [group][class]."""


def class_shares(rows: Labelled, *, groups: int, classes: int) -> ClassShares:
    """The shares of all `RATES`; without weights and clusters they are exact and come from one table of counts."""
    if rows.weights is None and rows.clusters is None:
        return _counted(rows, groups, classes)
    right = rows.labels == rows.decisions
    inside = rows.codes >= 0
    found: dict[str, list[Share]] = {}
    for name, position in (("true_positive_rate", rows.labels), ("positive_predictive_value", rows.decisions)):
        cell = np.where(inside & (position >= 0), rows.codes * classes + position, -1)
        found[name] = group_shares(right, cell, groups * classes, weights=rows.weights, clusters=rows.clusters)
    shares = {name: [held[g * classes : (g + 1) * classes] for g in range(groups)] for name, held in found.items()}
    wrong = [
        group_shares(rows.decisions == c, rows.codes, groups, base=rows.labels != c, weights=rows.weights, clusters=rows.clusters)
        for c in range(classes)
    ]
    return shares | {"false_positive_rate": [[wrong[c][g] for c in range(classes)] for g in range(groups)]}


def macro_gap(
    rows: Labelled,
    sides: tuple[Sequence[Share], Sequence[Share]],
    name: str,
    *,
    generator: np.random.Generator,
    resamples: int = 1000,
    most_units: int = 5000,
    confidence: float = 0.95,
) -> Estimate:
    """Mean over the classes of |group - reference| of one rate, in [0, 1]; `rows` holds both sides, coded 0 and 1.

    A mean of sizes is above 0 by chance alone, so its ends are made of intervals of the classes that hold together: max-T intervals
    from a bootstrap of the table of counts, or of clusters. Where a class has fewer than five hits or misses, with weights alone, with fewer
    than 20 clusters, or with more than `most_units` cells or clusters to draw from, they are Newcombe's at a Bonferroni level.
    Undefined when a class lacks rows on one side.
    """
    missing = _missing(sides)
    if missing is not None:
        return missing
    drawn = None
    if _plenty(sides) and (rows.weights is None or rows.clusters is not None):
        drawn = _replicates(rows, len(sides[0]), name, generator=generator, resamples=resamples, most_units=most_units)
    if drawn is None:
        joint = bonferroni(confidence, len(sides[0]))
        parts = [compare(one, other, confidence=joint).difference for one, other in zip(*sides, strict=True)]
        return _at_most_one(mean_size(parts, what="mean size over the classes, Newcombe's intervals at a Bonferroni level"))
    values = np.array([one.value - other.value for one, other in zip(*sides, strict=True)])
    family = max_t(values, drawn, confidence=confidence)
    n = min(one.rows for side in sides for one in side)
    held = [
        Interval(float(v), min(float(a), float(v)), max(float(b), float(v)), n, "") for v, a, b in zip(values, family.low, family.high, strict=True)
    ]
    kind = "multinomial" if rows.clusters is None else "cluster"
    return _at_most_one(mean_size(held, what=f"mean size over the classes, {percent(confidence)} max-T intervals over {len(drawn)} {kind} resamples"))


def balanced_accuracy(shares: Sequence[Share], rows: Labelled, group: int) -> Estimate:
    """Mean over the classes of the true positive rates of one group; Undefined when a class never occurs among its labels.

    Each class has rows of its own, so the variances add up. Clusters link the classes: then the interval is linearised over clusters.
    """
    empty = _empty((shares,))
    if empty is not None:
        return empty
    parts = [proportion_interval(share) for share in shares]
    plain = weighted_sum(parts, [1 / len(parts)] * len(parts), what="mean true positive rate")
    if rows.clusters is None or isinstance(plain, Undefined) or all(share.value in (0.0, 1.0) for share in shares):
        return _inside(plain)
    held = _linearised(shares, rows, group)
    return group_interval(held, what="mean true positive rate", lowest=0.0, highest=1.0)


def balanced_accuracy_difference(sides: tuple[Sequence[Share], Sequence[Share]], rows: Labelled) -> Estimate:
    """Balanced accuracy of the group less that of the reference; `rows` holds both, coded 0 and 1."""
    missing = _missing(sides)
    if missing is not None:
        return missing
    count = len(sides[0])
    if rows.clusters is not None and not all(share.value in (0.0, 1.0) for side in sides for share in side):
        one, two = (_linearised(shares, rows, side) for side, shares in enumerate(sides))
        return quantity_difference(one, two, what="mean true positive rates")
    parts = [proportion_interval(share) for side in sides for share in side]
    return weighted_sum(parts, [1 / count] * count + [-1 / count] * count, what="difference of mean true positive rates")


def _counted(rows: Labelled, groups: int, classes: int) -> ClassShares:
    width = classes + 1  # the last decision is none
    kept = rows.codes >= 0
    decided = np.where(rows.decisions < 0, classes, rows.decisions)[kept]
    flat = (rows.codes[kept] * classes + rows.labels[kept]) * width
    hits = np.bincount(((flat // width)[decided == rows.labels[kept]]), minlength=groups * classes).reshape(groups, classes)
    labels = np.bincount(flat // width, minlength=groups * classes).reshape(groups, classes)
    chosen = np.bincount(rows.codes[kept] * width + decided, minlength=groups * width).reshape(groups, width)[:, :classes]
    others = labels.sum(axis=1, keepdims=True) - labels
    tables = {"true_positive_rate": (hits, labels), "false_positive_rate": (chosen - hits, others), "positive_predictive_value": (hits, chosen)}
    return {
        name: [[Share(float(s), float(n), int(n)) for s, n in zip(*pair, strict=True)] for pair in zip(*both, strict=True)]
        for name, both in tables.items()
    }


def _missing(sides: tuple[Sequence[Share], Sequence[Share]]) -> Undefined | None:
    empty = _empty(sides)
    if empty is not None:
        return empty
    fewest = min(share.rows for side in sides for share in side)
    return (
        Undefined(f"A class has {fewest} rows on one side, too few to compare (at least {FEWEST_COMPARED}).", fewest)
        if fewest < FEWEST_COMPARED
        else None
    )


def _empty(sides: Sequence[Sequence[Share]]) -> Undefined | None:
    gone = [position for side in sides for position, share in enumerate(side) if share.total <= 0]
    return Undefined(f"There are no rows to count for {len(set(gone))} of {len(sides[0])} classes.", 0) if gone else None


def _plenty(sides: tuple[Sequence[Share], Sequence[Share]]) -> bool:
    return all(min(share.successes, share.total - share.successes) >= FEWEST_EXPECTED for side in sides for share in side)


def _at_most_one(estimate: Estimate) -> Estimate:
    return (
        estimate if isinstance(estimate, Undefined) else Interval(estimate.value, estimate.low, min(1.0, estimate.high), estimate.n, estimate.method)
    )


def _inside(estimate: Estimate) -> Estimate:
    if isinstance(estimate, Undefined):
        return estimate
    return Interval(estimate.value, max(0.0, estimate.low), min(1.0, estimate.high), estimate.n, estimate.method)


def _linearised(shares: Sequence[Share], rows: Labelled, group: int) -> Quantity:
    """The mean true positive rate with the influence of each row of one group on it."""
    mine = rows.codes == group
    labels = rows.labels[mine]
    weights = None if rows.weights is None else rows.weights[mine]
    clusters = None if rows.clusters is None else rows.clusters[mine]
    rates = np.array([share.value for share in shares])
    mass = np.bincount(labels, weights=weights, minlength=len(rates)) / (len(labels) if weights is None else weights.sum())
    influence = ((labels == rows.decisions[mine]) - rates[labels]) / mass[labels] / len(rates)
    return quantity(float(rates.mean()), influence, weights, clusters)


def _replicates(
    rows: Labelled, classes: int, name: str, *, generator: np.random.Generator, resamples: int, most_units: int
) -> NDArray[np.float64] | None:
    """Differences of the rates of both sides in resampled tables, (resamples, classes); None when there is too much to draw from."""
    unit, draws = _draws(rows, classes, generator=generator, resamples=resamples, most_units=most_units)
    if draws is None:
        return None
    # Rows of one cell are alike, and their number is in the draws; rows of one cluster are not.
    kept = np.unique(unit, return_index=True)[1] if rows.clusters is None else np.arange(len(unit))
    sums = draws @ _unit_sums(rows, classes, unit, kept, draws.shape[1])
    held = _rate(sums.reshape(len(draws), 2, 3, classes), name)
    apart = held[:, 0] - held[:, 1]
    defined = apart[np.isfinite(apart).all(axis=1)]
    return defined if len(defined) >= FEWEST_DEFINED * resamples else None


def _draws(rows: Labelled, classes: int, *, generator: np.random.Generator, resamples: int, most_units: int) -> tuple[Ints, NDArray[np.int64] | None]:
    """The unit each row belongs to, and how often each unit is drawn, (resamples, units)."""
    if rows.clusters is not None:
        names, unit = np.unique(rows.clusters, return_inverse=True)
        counts = np.ones(len(names), dtype=np.int64)
    else:
        cell = ((rows.codes * classes) + rows.labels) * (classes + 1) + np.where(rows.decisions < 0, classes, rows.decisions)
        names, unit, counts = np.unique(cell, return_inverse=True, return_counts=True)
    if len(names) > most_units or (rows.clusters is not None and len(names) < FEWEST_CLUSTERS):
        return unit, None
    return unit, multinomial_replicates(counts.astype(np.int64), generator=generator, resamples=resamples)


def _unit_sums(rows: Labelled, classes: int, unit: Ints, kept: Ints, units: int) -> sparse.csr_array:
    """Per unit the weighted rows of each side by label, by decision, and right ones: (units, 2 · 3 · classes)."""
    labels, decisions, start = rows.labels[kept], rows.decisions[kept], rows.codes[kept] * 3 * classes
    weights = np.ones(len(kept)) if rows.weights is None else rows.weights[kept]
    decided, right = decisions >= 0, decisions == labels
    row = np.concatenate([unit[kept], unit[kept][decided], unit[kept][right]])
    column = np.concatenate([start + labels, (start + classes + decisions)[decided], (start + 2 * classes + labels)[right]])
    held = np.concatenate([weights, weights[decided], weights[right]])
    return sparse.coo_array((held, (row, column)), shape=(units, 6 * classes)).tocsr()


def _rate(sums: Floats, name: str) -> Floats:
    """One of `RATES` from sums (…, 3, classes) by label, by decision, and right; NaN where nothing is counted."""
    labels, decisions, right = sums[..., 0, :], sums[..., 1, :], sums[..., 2, :]
    hits, base = {
        "true_positive_rate": (right, labels),
        "false_positive_rate": (decisions - right, labels.sum(axis=-1, keepdims=True) - labels),
        "positive_predictive_value": (right, decisions),
    }[name]
    rates: Floats = np.divide(hits, base, out=np.full(hits.shape, np.nan), where=base > 0)
    return rates
