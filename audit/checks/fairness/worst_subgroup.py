"""The check `fairness.worst_subgroup`: a search for the subgroup treated most differently, confirmed on rows the search has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audit.chart_kinds import TableChart
from audit.check import check
from audit.facts import LABEL_WORDS
from audit.ledger import Ledger, family
from audit.methods.fairness.comparisons import Comparison, compare
from audit.methods.fairness.groupings import groupings
from audit.methods.fairness.subgroup_search import Confirmation, Search, Subgroup, confirm, halves, search
from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.proportions import proportion_interval
from audit.methods.statistics.simultaneous import bonferroni, holm
from audit.results import Evidence, Scalar, Slice
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

INPUT = "subject.input."
OUTCOMES = 6
"""Correctness unknown, right, wrong, times not selected, selected."""
BASES = {"selection_rate": (0, 1, 2, 3, 4, 5), "error_rate": (2, 3, 4, 5)}
HITS = {"selection_rate": (1, 3, 5), "error_rate": (4, 5)}
FEW_VALUES = 10
"""Numeric inputs with at most so many distinct values are taken as they are."""
MOST_LEVELS = 20
"""Of an input with more levels the most frequent are kept and the others are one level."""
COLUMNS = (
    "subgroup",
    "rate",
    "search: rows",
    "search: value",
    "search: rest",
    "rows",
    "value",
    "rest",
    "difference",
    "low",
    "high",
    "p value",
    "Holm",
)


@dataclass(frozen=True)
class _Column:
    """A group attribute or an input as levels: codes (n,), -1 for unknown or missing."""

    name: str
    codes: NDArray[np.int64]
    levels: Sequence[str]


@dataclass(frozen=True)
class _Found:
    """One subgroup, searched on one half and confirmed on the other."""

    rate: str
    where: Slice
    subgroup: Subgroup
    confirmed: Confirmation


@check(
    title="Worst subgroup, searched and confirmed",
    topics=("fairness", "intersectionality", "selection_rates", "error_rates"),
    measures=(*BASES, *(f"{name}_difference" for name in BASES), "p_value", "p_value_holm", "subgroups_searched"),
    tasks={"binary", "multiclass", "anomaly"},
    exploratory=True,
)
def worst_subgroup(rows: Rows, *, order: int = 2, top: int = 5, smallest: int = 30, bins: int = 4, use_inputs: bool = True) -> Evidence:
    """Is there a subgroup that nobody declared and that fares very differently from the rest?

    Why it matters:
        Harm need not follow the groups somebody thought of. It can sit where an attribute meets an input: young people with short contracts,
        women in one region. Looking through all such corners finds something odd in any data, so a finding counts only if it holds on people
        that were not looked at.

    How to read it:
        Half of the rows, drawn at random with clusters kept whole, are searched: every conjunction of up to `order` levels of group attributes and
        inputs, numbers cut at quantiles. The `top` subgroups that differ most from the rest, in standard errors, are then measured on the other
        half. Only these numbers are reported as findings. The p value is one-sided, in the direction that the search found, and adjusted by Holm's
        method for the number of subgroups confirmed: where nothing is there, one audit in twenty at most shows any below 0.05. The numbers of
        the search half stand in the table beside them and are larger by selection.

    What it cannot show:
        Small subgroups, differences too small for half of the rows, and subgroups that no conjunction of these columns describes. That nothing
        was confirmed does not show that nothing is there. A difference along an input may be what the network is meant to make. Another
        seed splits the rows differently and may confirm others.

    References:
        Kearns et al. 2018, arXiv:1711.05144
        Chung et al. 2019, arXiv:1807.06068
        Cox 1975, doi:10.1093/biomet/62.2.441
        Holm 1979, Scandinavian Journal of Statistics 6:65-70
    """
    ledger, design = Ledger(census=rows.facts.census), row_design(rows)
    first = halves(rows.n, generator=rows.generator("worst_subgroup"), clusters=design.clusters)
    columns, outcome = _columns(rows, first, bins=bins, use_inputs=use_inputs), _outcome(rows)
    found, looked_at = _found(rows, columns, outcome, first, design, limits=(order, smallest, top))
    notes = _notes(rows, columns, design, int(first.sum()))
    if not found:
        ledger.absent("selection_rate_difference", f"No subgroup has {smallest} rows inside and outside in the search half.", rows.n)
        return ledger.evidence((), notes)
    ledger.exact("subgroups_searched", looked_at, int(first.sum()), method="conjunctions and rates with enough rows")
    tested = [i for i, one in enumerate(found) if one.confirmed.p_value is not None]
    adjusted = dict(zip(tested, holm(np.array([found[i].confirmed.p_value for i in tested], dtype=np.float64)).tolist(), strict=True))
    lines = [_write(ledger, one, adjusted.get(i), len(found), census=rows.facts.census) for i, one in enumerate(found)]
    held = sum(p_value < 0.05 for p_value in adjusted.values())
    notes.append(
        f"{looked_at:,} subgroups and rates were searched; {len(found)} were measured on the other half, {held} with an adjusted p value below 0.05."
    )
    return ledger.evidence([TableChart(title="Subgroups that differ most in the search half", columns=COLUMNS, rows=lines)], notes)


def _columns(rows: Rows, first: NDArray[np.bool_], *, bins: int, use_inputs: bool) -> list[_Column]:
    attributes = [(spec.name, rows.group(spec.name)) for spec in rows.facts.groups]
    columns = [_Column(name, held.codes.astype(np.int64), held.levels) for name, held in attributes]
    names = [name.removeprefix(INPUT) for name in rows.names() if name.startswith(INPUT)] if use_inputs else []
    taken = {name for name, _ in attributes}
    for name in names:
        values = rows.column(INPUT + name)
        if values.ndim == 1:
            columns.append(_as_levels(f"input.{name}" if name in taken else name, values, first, bins))
    return [column for column in columns if len(column.levels) > 1]


def _as_levels(name: str, values: NDArray[Any], first: NDArray[np.bool_], bins: int) -> _Column:
    """Quantile ranges, cut on the search half, of a numeric input of many values; else its levels."""
    if values.dtype.kind in "fiub":
        numbers = values.astype(np.float64)
        distinct = np.unique(numbers[np.isfinite(numbers)])
        if len(distinct) > FEW_VALUES:
            return _ranges(name, numbers, first, bins)
        codes = np.where(np.isfinite(numbers), np.searchsorted(distinct, np.nan_to_num(numbers)), -1)
        return _Column(name, codes, [f"{value:g}" for value in distinct])
    encoded = pa.array(values, type=pa.string(), from_pandas=True).dictionary_encode()  # ten times faster than sorting texts
    held, codes = encoded.dictionary.to_numpy(zero_copy_only=False), encoded.indices.fill_null(-1).to_numpy()
    counts = np.bincount(codes[codes >= 0], minlength=len(held))
    kept = np.argsort(-counts, kind="stable")[:MOST_LEVELS]
    place = np.full(len(held), len(kept), dtype=np.int64)
    place[kept] = np.arange(len(kept))
    levels = [*held[kept].tolist(), *(["any other"] if len(kept) < len(held) else [])]
    return _Column(name, np.where(codes < 0, -1, place[codes] if len(held) else -1), levels)


def _ranges(name: str, numbers: NDArray[np.float64], first: NDArray[np.bool_], bins: int) -> _Column:
    searched = numbers[first & np.isfinite(numbers)]
    if not len(searched):
        return _Column(name, np.full(len(numbers), -1), [])
    edges = np.unique(np.quantile(searched, np.arange(1, bins) / bins))
    codes = np.where(np.isfinite(numbers), np.searchsorted(edges, numbers, side="right"), -1)
    middle = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
    return _Column(name, codes, [f"below {edges[0]:.4g}", *middle, f"{edges[-1]:.4g} or more"] if len(edges) else [])


def _outcome(rows: Rows) -> NDArray[np.int8]:
    state = np.zeros(rows.n, dtype=np.int8)
    if rows.has("subject.label"):
        decisions, labels = rows.decisions, rows.labels
        state = np.where((labels < 0) | (decisions < 0), 0, np.where(labels == decisions, 1, 2)).astype(np.int8)
    return (2 * state + rows.selected).astype(np.int8)


def _found(
    rows: Rows, columns: Sequence[_Column], outcome: NDArray[np.int8], first: NDArray[np.bool_], design: RowDesign, *, limits: tuple[int, int, int]
) -> tuple[list[_Found], int]:
    order, smallest, top = limits
    rates = [*(["selection_rate"] if rows.facts.positive else []), *(["error_rate"] if rows.has("subject.label") else [])]
    if not columns or not rates or first.all():
        return [], 0
    searched = [column.codes[first] for column in columns]
    tables = groupings(searched, [len(column.levels) for column in columns], outcome[first], OUTCOMES, order=order)
    found, looked_at = [], 0
    for rate in rates:
        result = search(tables, searched, base=BASES[rate], hits=HITS[rate], smallest=smallest, most=top)
        looked_at += result.looked_at
        found += _confirmed(result, columns, outcome, ~first, design, rate=rate)
    return found, looked_at


def _confirmed(
    result: Search, columns: Sequence[_Column], outcome: NDArray[np.int8], second: NDArray[np.bool_], design: RowDesign, *, rate: str
) -> list[_Found]:
    codes, ours, part = [column.codes[second] for column in columns], outcome[second], design.of(second)
    base, hits = np.isin(ours, BASES[rate]), np.isin(ours, HITS[rate])
    return [
        _Found(
            rate,
            {columns[i].name: columns[i].levels[level] for i, level in zip(one.columns, one.levels, strict=True)},
            one,
            confirm(one, codes, hits, base=base, weights=part.weights, clusters=part.clusters),
        )
        for one in result.chosen
    ]


def _write(ledger: Ledger, one: _Found, adjusted: float | None, comparisons: int, *, census: bool) -> list[Scalar]:
    """Write what the confirming half says; returns the line of the table."""
    held, where = one.confirmed, one.where
    versus: Mapping[str, str] = {" × ".join(where): "the rest"}
    level, n = bonferroni(0.95, comparisons), min(held.share.rows, held.rest.rows)
    plain, wide = compare(held.share, held.rest), compare(held.share, held.rest, confidence=level)
    widened = family(proportion_interval(held.share, confidence=level), comparisons)
    counts = {"selected": round(held.share.successes), "total": held.share.rows} if held.share.exact else None
    ledger.add(one.rate, proportion_interval(held.share), slice=where, unit="proportion", counts=counts, simultaneous=widened)
    ended = family(wide.difference, comparisons)
    ledger.add(f"{one.rate}_difference", plain.difference, slice=where, versus=versus, unit="proportion", simultaneous=ended, n=n)
    for name, value, how in (("p_value", held.p_value, held.test), ("p_value_holm", adjusted, f"{held.test}, Holm over {comparisons}")):
        if value is None:
            ledger.absent(name, "One side has no rows in the confirming half.", n, slice=where, versus=versus, at={"rate": one.rate})
        else:
            ledger.exact(name, value, n, slice=where, versus=versus, at={"rate": one.rate}, method=how)
    return _line(one, plain, adjusted, census=census)


def _line(one: _Found, plain: Comparison, adjusted: float | None, *, census: bool) -> list[Scalar]:
    searched, held, difference = one.subgroup, one.confirmed, plain.difference
    name = ", ".join(f"{key} {level}" for key, level in one.where.items())
    start: list[Scalar] = [name, one.rate, searched.share.rows, searched.share.value, searched.rest.value, held.share.rows]
    values: list[Scalar] = [share.value if share.total > 0 else None for share in (held.share, held.rest)]
    if not isinstance(difference, Interval):
        return [*start, *values, None, None, None, held.p_value, adjusted]
    ends: list[Scalar] = [None, None] if census else [difference.low, difference.high]
    return [*start, *values, difference.value, *ends, held.p_value, adjusted]


def _notes(rows: Rows, columns: Sequence[_Column], design: RowDesign, searched: int) -> list[str]:
    notes = [f"{searched:,} rows were searched over {len(columns)} columns and {rows.n - searched:,} rows held back to confirm."]
    if design.weights is not None:
        notes.append("The search counts rows without their weights; what is confirmed uses them.")
    notes += [design.note] if design.note else []
    return [*notes, LABEL_WORDS[rows.facts.label_kind]] if rows.has("subject.label") else notes
