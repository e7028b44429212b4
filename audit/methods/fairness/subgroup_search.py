"""Search for the subgroup whose rate differs most from the rest, on one half of the rows; confirmation on the other half.

A subgroup is a conjunction of levels of different columns. What the search reports of its own half is biased by the choice; the other half is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from audit.methods.fairness.cells import Cells, counted_cells, drawn_cells, joined, tails
from audit.methods.fairness.groupings import Grouping
from audit.methods.statistics.proportions import Share

Codes = NDArray[np.integer]
Mask = NDArray[np.bool_]
MOST_TRIED = 200
"""Candidates looked at for overlap with those already chosen."""


@dataclass(frozen=True)
class Subgroup:
    """A conjunction: positions of the columns, the level of each, and what the search half says of it."""

    columns: tuple[int, ...]
    levels: tuple[int, ...]
    share: Share
    rest: Share
    standardised: float
    """Gap to the rest in standard errors under equality."""


@dataclass(frozen=True)
class Search:
    """The subgroups chosen, largest difference in standard errors first, and how many were looked at."""

    chosen: tuple[Subgroup, ...]
    looked_at: int


@dataclass(frozen=True)
class Confirmation:
    """A subgroup's share and the rest's on rows that the search has not seen."""

    share: Share
    rest: Share
    p_value: float | None
    """One-sided, in the direction of the search; None when either side has no rows."""
    test: str


def halves(n: int, *, generator: np.random.Generator, clusters: NDArray[np.int64] | None = None) -> Mask:
    """Rows (n,) of the search half: an even random split of the rows, or of whole clusters."""
    unit = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1].reshape(-1)
    count = int(unit.max()) + 1 if n else 0
    first = np.zeros(count, dtype=np.bool_)
    first[generator.permutation(count)[: (count + 1) // 2]] = True
    return first[unit]


def search(
    tables: Sequence[Grouping], codes: Sequence[Codes], *, base: Sequence[int], hits: Sequence[int], smallest: int, most: int, overlap: float = 0.8
) -> Search:
    """At most `most` subgroups among the cells of `tables`, counted from `codes` (n,) each.

    `base` and `hits` are the outcomes in the denominator and among them those that count. Cells with fewer than `smallest` rows inside or outside
    are passed over, and so are those that share more than `overlap` of their rows (Jaccard) with one already chosen.
    """
    parts = [(table, _cells(table, base, hits)) for table in tables if len(table.cells)]
    owners = [(table, i) for table, cells in parts for i in _eligible(cells, smallest).tolist()]
    if not owners:
        return Search((), 0)
    cells = joined([cells.of(_eligible(cells, smallest)) for _, cells in parts])
    standardised = cells.standardised
    chosen: list[Subgroup] = []
    masks: list[Mask] = []
    for i in np.argsort(-np.abs(standardised), kind="stable")[:MOST_TRIED].tolist():
        table, position = owners[i]
        levels = tuple(table.cells[position].tolist())
        if len(chosen) == most:
            break
        inside = members(codes, table.attributes, levels)
        if all(_jaccard(inside, mask) <= overlap for mask in masks):
            chosen.append(Subgroup(table.attributes, levels, cells.share(i), cells.rest(i), float(standardised[i])))
            masks.append(inside)
    return Search(tuple(chosen), len(owners))


def members(codes: Sequence[Codes], columns: Sequence[int], levels: Sequence[int]) -> Mask:
    """Rows (n,) of the conjunction."""
    return np.asarray(np.logical_and.reduce([codes[i] == level for i, level in zip(columns, levels, strict=True)]))


def confirm(
    subgroup: Subgroup,
    codes: Sequence[Codes],
    hits: Mask,
    *,
    base: Mask,
    weights: NDArray[np.float64] | None = None,
    clusters: NDArray[np.int64] | None = None,
) -> Confirmation:
    """The subgroup on other rows: `codes` (n,) each, `hits` and `base` (n,); rows unknown in one of its columns are on neither side.

    The test is the one-sided score test of two proportions; the exact hypergeometric one where counts are few.
    """
    known = base & np.logical_and.reduce([codes[i] >= 0 for i in subgroup.columns])
    inside = members(codes, subgroup.columns, subgroup.levels)[known].astype(np.int64)
    if weights is None and clusters is None:
        both = counted_cells(np.bincount(inside[hits[known]], minlength=2), np.bincount(inside, minlength=2))
    else:
        kept = (None if weights is None else weights[known], None if clusters is None else clusters[known])
        both = drawn_cells(inside, 2, hits[known], weights=kept[0], clusters=kept[1])
    one = both.of(np.array([1]))
    if min(one.total[0], one.rest_total[0]) <= 0:
        return Confirmation(one.share(0), one.rest(0), None, "")
    exact = bool(one.total[0] == one.rows[0] and one.rest_total[0] == one.rest_rows[0])
    if one.regular[0] or not exact:
        sign = 1.0 if subgroup.standardised > 0 else -1.0
        return Confirmation(one.share(0), one.rest(0), float(ndtr(-sign * one.standardised[0])), "one-sided score test")
    lower, upper = tails(one)
    p_value = upper[0] if subgroup.standardised > 0 else lower[0]
    return Confirmation(one.share(0), one.rest(0), min(1.0, float(p_value)), "one-sided Fisher exact")


def _cells(table: Grouping, base: Sequence[int], hits: Sequence[int]) -> Cells:
    return counted_cells(table.counts[:, list(hits)].sum(axis=1), table.counts[:, list(base)].sum(axis=1))


def _eligible(cells: Cells, smallest: int) -> NDArray[np.int64]:
    return np.flatnonzero(np.minimum(cells.rows, cells.rest_rows) >= smallest)


def _jaccard(one: Mask, other: Mask) -> float:
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 0.0
