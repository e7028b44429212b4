"""How far apart two distributions over the same classes lie, with intervals and with what chance alone would show.

Every class keeps its place: one that a side never shows is a probability of 0 there, and is not dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError
from audit.methods.statistics.bootstrap import FEWEST_DEFINED
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, percent
from audit.methods.statistics.proportions import FEWEST_EXPECTED

Array = NDArray[np.float64]


def kullback_leibler(first: Array, second: Array) -> Array:
    """Sum of first · ln(first / second) over the last axis, in nats, at least 0; infinite where `second` lacks a class that `first` has.

    The mean surprise, beyond what is unavoidable, of a reader who expects `second` and is shown `first` (Kullback & Leibler 1951,
    doi:10.1214/aoms/1177729694). Probabilities (…, classes) give (…).
    """
    first, second = np.broadcast_arrays(first, second)
    both = (first > 0) & (second > 0)
    logs = [np.log(one, out=np.zeros(one.shape), where=both) for one in (first, second)]  # their ratio may overflow
    finite = np.maximum(np.sum(np.where(both, first * (logs[0] - logs[1]), 0.0), axis=-1), 0.0)
    lacking = ((first > 0) & (second <= 0)).any(axis=-1)
    return np.where(lacking, np.inf, finite)


def jensen_shannon(first: Array, second: Array) -> Array:
    """Mean Kullback-Leibler divergence of both from their midpoint, in nats, from 0 to ln 2 (Lin 1991, doi:10.1109/18.61115)."""
    middle = (first + second) / 2
    return (kullback_leibler(first, middle) + kullback_leibler(second, middle)) / 2


def l2_distance(first: Array, second: Array) -> Array:
    """Euclidean distance of the probabilities, from 0 to the square root of 2."""
    return np.asarray(np.sqrt(np.sum((first - second) ** 2, axis=-1)))


def total_variation(first: Array, second: Array) -> Array:
    """Half the sum of absolute differences, from 0 to 1: the share of rows that would need another class to make the two alike."""
    return np.asarray(np.sum(np.abs(first - second), axis=-1) / 2)


def largest_class_gap(first: Array, second: Array) -> Array:
    """Largest absolute difference of one class, from 0 to 1. It is not the distance of cumulative distributions."""
    return np.asarray(np.max(np.abs(first - second), axis=-1))


DIVERGENCES: Mapping[str, Callable[[Array, Array], Array]] = {
    "kl_from_reference": kullback_leibler,
    "kl_to_reference": lambda first, second: kullback_leibler(second, first),
    "jensen_shannon": jensen_shannon,
    "l2_distance": l2_distance,
    "total_variation": total_variation,
    "largest_class_gap": largest_class_gap,
}
"""Divergence of a group (first) and the reference (second), by name; ``kl_from_reference`` reads the group as seen by one who expects the
reference, ``kl_to_reference`` the reference as seen by one who expects the group."""

DISTANCES = ("l2_distance", "total_variation", "largest_class_gap")
"""Those that are norms of the difference of both."""
LARGEST = {"jensen_shannon": math.log(2), "l2_distance": math.sqrt(2), "total_variation": 1.0, "largest_class_gap": 1.0}
"""Largest possible values; the others have none."""


@dataclass(frozen=True)
class Counts:
    """Rows per class, (classes,), scaled to the effective number of rows where rows are weighted or clustered; `rows` counts plain rows."""

    cells: Array
    rows: int

    @property
    def total(self) -> int:
        """Effective number of rows, rounded."""
        return round(float(self.cells.sum()))

    @property
    def shares(self) -> Array:
        """Share of each class, (classes,); raises MethodError without rows."""
        if self.cells.sum() <= 0:
            raise MethodError("an empty group has no distribution")
        return np.asarray(self.cells / self.cells.sum(), dtype=np.float64)


def class_counts(
    labels: NDArray[np.integer],
    codes: NDArray[np.integer],
    *,
    classes: int,
    groups: int,
    weights: Array | None = None,
    clusters: NDArray[np.int64] | None = None,
) -> list[Counts]:
    """Rows per class for each group, from labels and group codes (n,); negative ones belong to none.

    Weighted or clustered rows keep their weighted shares, scaled to the group's rows over the mean design effect of its classes
    (the first-order correction of Rao & Scott 1984, doi:10.1214/aos/1176346391).
    """
    known = (labels >= 0) & (codes >= 0)
    flat = codes[known].astype(np.int64) * classes + labels[known]
    plain = np.bincount(flat, minlength=groups * classes).reshape(groups, classes)
    rows = plain.sum(axis=1)
    if weights is None and clusters is None:
        return [Counts(one.astype(np.float64), int(n)) for one, n in zip(plain, rows, strict=True)]
    shares = [group_shares(labels == c, codes, groups, base=labels >= 0, weights=weights, clusters=clusters) for c in range(classes)]
    held = np.array([[0.0 if s[g].total <= 0 else s[g].value for s in shares] for g in range(groups)]).reshape(groups, classes)
    effective = np.array([[s[g].total for s in shares] for g in range(groups)]).reshape(groups, classes)
    return [Counts(p * _corrected(p, m), int(n)) for p, m, n in zip(held, effective, rows, strict=True)]


def _corrected(shares: Array, effective: Array) -> float:
    """Effective rows of a group: the harmonic mean over classes, weighted by 1 - p as in the mean design effect."""
    seen = (effective > 0) & (shares > 0)
    weight = np.where(seen, 1 - shares, 0.0)
    if weight.sum() <= 0:
        return float(effective.max(initial=0.0))
    return float(weight.sum() / np.sum(weight[seen] / effective[seen]))


@dataclass(frozen=True)
class Apart:
    """One divergence of a group from the reference, and its mean when both are drawn from their pooled distribution."""

    estimate: Estimate
    by_chance: float | Undefined


def divergences(
    group: Counts, reference: Counts, *, generator: np.random.Generator, resamples: int = 500, confidence: float = 0.95
) -> dict[str, Apart]:
    """All of `DIVERGENCES` between two independent groups.

    A divergence of observed shares is positive by chance even where the groups are alike, so a percentile interval would lie too high.
    For distances that depend on differences of shares only, the interval is the estimate plus and minus the quantile of the distance
    between resampled and observed differences: by the triangle inequality it covers at least as often as it says, also at 0. For the
    others the lower end is that of the basic bootstrap interval (Davison & Hinkley 1997, doi:10.1017/CBO9780511802843), which takes the
    bias off, and the upper end the larger of the basic and the percentile one. Classes that neither side shows are left out. Undefined
    where a class would be expected in fewer than 5 rows of a side if both were alike, and where the divergence is infinite.
    """
    n = min(group.rows, reference.rows)
    reason = _too_sparse(group, reference)
    if reason:
        gone = Undefined(reason, n)
        return {name: Apart(gone, gone) for name in DIVERGENCES}
    seen = (group.cells + reference.cells) > 0
    first, second = Counts(group.cells[seen], group.rows), Counts(reference.cells[seen], reference.rows)
    pooled = Counts(first.cells + second.cells, 0).shares
    sides = (first, second)
    drawn = [generator.multinomial(one.total, one.shares, size=resamples) / one.total for one in sides]
    alike = [generator.multinomial(one.total, pooled, size=resamples) / one.total for one in sides]
    found: dict[str, Apart] = {}
    for name, measure in DIVERGENCES.items():
        value, by_chance = float(measure(first.shares, second.shares)), _mean(measure(*alike), n)
        if name in DISTANCES:
            errors = measure(drawn[0] - first.shares, drawn[1] - second.shares)
            found[name] = Apart(_around(value, errors, n, confidence=confidence, largest=LARGEST[name]), by_chance)
        else:
            found[name] = Apart(_smooth(value, measure(*drawn), n, confidence=confidence, largest=LARGEST.get(name, np.inf)), by_chance)
    return found


def _too_sparse(group: Counts, reference: Counts) -> str:
    if min(group.total, reference.total) < 1:
        return "One of the two sides has no rows."
    together = group.cells + reference.cells
    least = float(together[together > 0].min() / together.sum() * min(group.total, reference.total))
    if least < FEWEST_EXPECTED:
        return (
            f"If both were alike, the rarest class would be expected in {least:.2g} rows of the smaller side; at least {FEWEST_EXPECTED} are needed."
        )
    return ""


def _around(value: float, errors: Array, n: int, *, confidence: float, largest: float) -> Interval:
    half = float(np.quantile(errors, confidence))
    text = f"plug-in, {percent(confidence)} interval by the triangle inequality over {len(errors)} multinomial resamples"
    return Interval(value, max(value - half, 0.0), min(value + half, max(value, largest)), n, text)


def _smooth(value: float, replicates: Array, n: int, *, confidence: float, largest: float) -> Estimate:
    if not np.isfinite(value):
        return Undefined("It is infinite: a class of one side never occurs on the other, whose probability would be divided by.", n)
    # Ends are replicates, not interpolated: infinite ones have no difference.
    low = float(np.quantile(replicates, (1 - confidence) / 2, method="lower"))
    high = float(np.quantile(replicates, (1 + confidence) / 2, method="higher"))
    upper = min(max(2 * value - low, high, value), max(value, largest))
    if not np.isfinite(upper):
        return Undefined("It is infinite in too many resamples: a class is too rare on one side.", n)
    text = f"plug-in, {percent(confidence)} bootstrap interval less its bias over {len(replicates)} multinomial resamples"
    return Interval(value, min(max(2 * value - high, 0.0), value), upper, n, text)


def _mean(replicates: Array, n: int) -> float | Undefined:
    finite = replicates[np.isfinite(replicates)]
    if len(finite) < FEWEST_DEFINED * len(replicates):
        return Undefined(f"It is finite in {len(finite)} of {len(replicates)} draws only.", n)
    return float(finite.mean())
