"""Metrics of groups and of their intersections from one table of counts, with bootstrap intervals at the cost of the cells alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.errors import MethodError, nearest
from audit.methods.statistics.bootstrap import multinomial_replicates
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, percent
from audit.methods.statistics.proportions import Share, proportion_interval
from audit.methods.statistics.simultaneous import max_t

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
FEWEST_EXPECTED = 5
"""Below this in any cell of a rate, its interval is exact and it takes no part in a bootstrap."""


@dataclass(frozen=True)
class Ratio:
    """A metric as one count over another: which of the cells [label, decision] are hits, and which are in the denominator."""

    hits: tuple[tuple[int, int], ...]
    base: tuple[tuple[int, int], ...]

    def of(self, counts: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Hits and denominators of tables (…, 2, 2), each (…)."""
        return _sum(counts, self.hits), _sum(counts, self.base)


ALL = ((0, 0), (0, 1), (1, 0), (1, 1))
METRICS: Mapping[str, Ratio] = {
    "selection_rate": Ratio(((0, 1), (1, 1)), ALL),
    "base_rate": Ratio(((1, 0), (1, 1)), ALL),
    "accuracy": Ratio(((0, 0), (1, 1)), ALL),
    "true_positive_rate": Ratio(((1, 1),), ((1, 0), (1, 1))),
    "false_negative_rate": Ratio(((1, 0),), ((1, 0), (1, 1))),
    "false_positive_rate": Ratio(((0, 1),), ((0, 0), (0, 1))),
    "true_negative_rate": Ratio(((0, 0),), ((0, 0), (0, 1))),
    "positive_predictive_value": Ratio(((1, 1),), ((0, 1), (1, 1))),
    "false_discovery_rate": Ratio(((0, 1),), ((0, 1), (1, 1))),
    "negative_predictive_value": Ratio(((0, 0),), ((0, 0), (1, 0))),
    "false_omission_rate": Ratio(((1, 0),), ((0, 0), (1, 0))),
}
"""Name to cells [label, decision]; 1 is favourable."""


@dataclass(frozen=True)
class GroupCounts:
    """Rows by group, label and decision."""

    attributes: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    """Levels of each group that holds rows, in the order of the attributes."""
    counts: Counts
    """(groups, 2, 2): label, decision."""


@dataclass(frozen=True)
class GroupMetrics:
    """Metrics of every group with intervals, and how far apart the groups are."""

    table: GroupCounts
    names: tuple[str, ...]
    by_group: tuple[tuple[Estimate, ...], ...]
    """For each metric an estimate for each group."""
    largest_difference: tuple[Estimate, ...]
    """For each metric the largest less the smallest value over the groups with enough rows."""


def count_groups(attributes: Mapping[str, Any], labels: NDArray[Any], decisions: NDArray[Any]) -> GroupCounts:
    """Count rows (n,) of text or numbers in `attributes`, and of 0 and 1 in `labels` and `decisions`.

    A missing value in an attribute leaves the row out. Raises MethodError for other labels or decisions, and for columns of unequal length.
    """
    sizes = {len(column) for column in (*attributes.values(), labels, decisions)}
    if len(sizes) != 1 or not attributes:
        raise MethodError(f"attributes, labels and decisions need one length; found {sorted(sizes)}")
    cell = 2 * _binary(labels, "labels") + _binary(decisions, "decisions")
    code, levels, known = np.zeros(len(cell), dtype=np.int64), [], None
    for column in attributes.values():
        codes, found = pd.factorize(np.asarray(column), sort=False)
        known = codes >= 0 if known is None else known & (codes >= 0)
        code = code * max(len(found), 1) + codes
        levels.append([str(level) for level in found])
    shape = tuple(len(found) for found in levels)
    flat = code * 4 + cell
    held = flat if known is None or known.all() else flat[known]
    counts = np.bincount(held, minlength=int(np.prod(shape)) * 4).reshape(-1, 2, 2)
    filled = np.flatnonzero(counts.sum(axis=(1, 2)))
    names = [tuple(levels[axis][position] for axis, position in enumerate(np.unravel_index(one, shape))) for one in filled]
    order = sorted(range(len(filled)), key=lambda position: names[position])
    return GroupCounts(tuple(attributes), tuple(names[position] for position in order), counts[filled[order]])


def added(tables: Iterable[GroupCounts]) -> GroupCounts:
    """The counts of several blocks of rows as one table, in a memory that does not grow with the rows.

    Raises MethodError for no block and for blocks with other attributes.
    """
    total: dict[tuple[str, ...], Counts] = {}
    attributes: tuple[str, ...] | None = None
    for table in tables:
        if attributes not in (None, table.attributes):
            raise MethodError(f"blocks count by {attributes} and by {table.attributes}")
        attributes = table.attributes
        for group, counts in zip(table.groups, table.counts, strict=True):
            total[group] = total[group] + counts if group in total else counts
    if attributes is None:
        raise MethodError("there is no block of rows to count")
    groups = tuple(sorted(total))
    return GroupCounts(attributes, groups, np.stack([total[group] for group in groups]) if groups else np.zeros((0, 2, 2), dtype=np.int64))


def group_metrics(
    table: GroupCounts,
    names: Sequence[str],
    *,
    generator: np.random.Generator,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> GroupMetrics:
    """Metrics of each group with percentile bootstrap intervals, and the largest difference between groups from simultaneous ones.

    Rows are resampled through their table: a multinomial draw over its cells. Rates with fewer than five rows in a cell get the exact interval of
    Clopper and Pearson and stay out of the largest difference, whose interval compares the max-T intervals of the groups. Raises MethodError
    for a name that is none of `METRICS`.
    """
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise MethodError(f"there is no metric {unknown[0]!r}: {nearest(unknown[0], METRICS)}")
    draws = multinomial_replicates(table.counts, generator=generator, resamples=resamples)
    found = [_metric(table, name, draws, confidence) for name in names]
    return GroupMetrics(table, tuple(names), tuple(one for one, _ in found), tuple(apart for _, apart in found))


def _metric(table: GroupCounts, name: str, draws: Counts, confidence: float) -> tuple[tuple[Estimate, ...], Estimate]:
    hits, base = METRICS[name].of(table.counts)
    enough = np.minimum(hits, base - hits) >= FEWEST_EXPECTED
    some, out_of = METRICS[name].of(draws)
    estimates: list[Estimate] = [_exact(int(s), int(n), confidence) for s, n in zip(hits, base, strict=True)]
    values = np.divide(some, out_of, out=np.zeros(some.shape), where=out_of > 0)[:, enough]
    tail = (1 - confidence) / 2
    ends = np.quantile(values, [tail, 1 - tail], axis=0) if enough.any() else np.zeros((2, 0))
    method = f"proportion, percentile bootstrap {percent(confidence)} interval over {len(draws):,} resamples"
    for place, position in enumerate(np.flatnonzero(enough)):
        value = float(hits[position] / base[position])
        estimates[position] = Interval(value, min(float(ends[0, place]), value), max(float(ends[1, place]), value), int(base[position]), method)
    return tuple(estimates), _apart((hits / np.maximum(base, 1))[enough], values, int(base.sum()), confidence)


def _apart(values: Floats, replicates: Floats, n: int, confidence: float) -> Estimate:
    if len(values) < 2:
        return Undefined("Fewer than two groups have enough rows.", n)
    family = max_t(values, replicates, confidence=confidence)
    low, high = max(0.0, float(family.low.max() - family.high.min())), float(family.high.max() - family.low.min())
    value = float(values.max() - values.min())
    return Interval(value, min(low, value), max(min(high, 1.0), value), n, f"largest less smallest rate, {percent(confidence)} max-T interval")


def _exact(hits: int, base: int, confidence: float) -> Estimate:
    return proportion_interval(Share(hits, base, base), confidence=confidence) if base else Undefined("The denominator is empty.", 0)


def _binary(values: NDArray[Any], what: str) -> NDArray[np.int64]:
    held = np.asarray(values)
    if held.dtype != np.bool_ and len(held) and not ((held == 0) | (held == 1)).all():
        raise MethodError(f"{what} are 0 or 1, 1 for the favourable; found other values")
    return held.astype(np.int64)


def _sum(counts: NDArray[Any], cells: Sequence[tuple[int, int]]) -> NDArray[Any]:
    total: NDArray[Any] = np.sum([counts[..., label, decision] for label, decision in cells], axis=0)
    return total
