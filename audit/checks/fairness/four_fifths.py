"""The check `fairness.four_fifths`: the four-fifths rule as a grid of size and chance, a table for each attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import Chart, TableChart
from audit.check import check
from audit.ledger import Ledger
from audit.methods.fairness.comparisons import FEWEST_COMPARED, Comparison, compare, highest_rate
from audit.methods.fairness.four_fifths_table import CELLS, Standing, cell, standing
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.intervals import Interval, Undefined
from audit.methods.statistics.proportions import Share
from audit.methods.statistics.simultaneous import holm
from audit.results import Evidence, Scalar
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

WEIGHTED = "The four-fifths rule counts persons, and these rows are weighted."
NO_FAVOURABLE = "No class was declared favourable, so nobody is selected."
COLUMNS = (
    "group",
    "rows",
    "share of known rows",
    "selected",
    "rate",
    "ratio",
    "low",
    "high",
    "below 4/5",
    "p value",
    "Holm",
    "test",
    "swaps to reach 4/5",
    "swaps to reverse",
    "shortfall",
    "smallest detectable ratio",
    "cell of the grid",
)


@dataclass(frozen=True)
class _Placed:
    """One compared group: its standing, its ratio with an interval, and its p values."""

    standing: Standing
    comparison: Comparison
    p_value: float
    test: str
    adjusted: float
    cell: str


@dataclass(frozen=True)
class _Table:
    """Counts (levels,) of one attribute, the reference, and the groups that could be placed."""

    name: str
    levels: Sequence[str]
    selected: NDArray[np.int64]
    totals: NDArray[np.int64]
    reference: int | None
    placed: Mapping[int, _Placed]


@check(
    title="Four-fifths grid",
    topics=("fairness", "selection_rates", "disparate_impact"),
    measures=(
        "impact_ratio",
        "below_four_fifths",
        "p_value",
        "p_value_holm",
        "flips_to_four_fifths",
        "flips_to_reverse",
        "shortfall",
        "smallest_detectable_ratio",
    ),
    needs={"groups"},
    tasks={"binary", "multiclass", "anomaly"},
)
def four_fifths(
    rows: Rows, *, reference: Literal["highest", "declared"] = "highest", smallest_reference: int = 30, decide_by: Literal["raw", "holm"] = "raw"
) -> Evidence:
    """Which groups are selected at less than four fifths of the highest rate, and could that be chance?

    Why it matters:
        Since 1978 agencies of the United States take a selection rate below four fifths of the highest group's as a first sign of adverse
        impact. The rule alone says nothing of chance: of small groups it flags many by luck, and of large ones it overlooks differences
        that are real. Read with a test and with the number of decisions that carry the result, it becomes a screen worth looking at.

    How to read it:
        Each group falls into one cell of a grid: its ratio is below 4/5 or not, in exact integers, and the difference is beyond chance or not
        (p value below 0.05, by Fisher's exact test where rows are few). Below 4/5 and beyond chance asks for a look first. Below 4/5 and within
        chance is too little to tell: the smallest detectable ratio says what so few rows could have shown. At least 4/5 and beyond chance is a
        real but smaller difference. At least 4/5 and within chance is reassuring only where the interval of the ratio stays above 4/5. The
        swaps say how many decisions would have to be exchanged, one for one, to reach 4/5 or to reverse the order; where one is enough, a
        single person carries the result. Several groups are several tests, so the p value is also given adjusted by Holm's method; the setting
        `decide_by` says which of the two places a group.

    What it cannot show:
        Whether the selection is lawful or serves the job: the rule is a screen of agencies, and courts look further. It compares each group with the
        highest rate of the moment, which by itself lets ratios lean below 1. Whether rows are persons is not known here.

    References:
        29 CFR 1607.4(D), Uniform Guidelines on Employee Selection Procedures
        Questions and Answers on the Uniform Guidelines, 44 FR 11996 (1979)
        Roth, Bobko & Switzer 2006, doi:10.1037/0021-9010.91.3.507
        Koopman 1984, doi:10.2307/2531405
    """
    ledger, design, charts = Ledger(census=rows.facts.census), row_design(rows), []
    notes: list[str] = []
    why = WEIGHTED if design.weights is not None else "" if rows.facts.positive and not rows.facts.selected_words else NO_FAVOURABLE
    if why:
        ledger.absent("impact_ratio", why, rows.n)
        return ledger.evidence()
    for spec in rows.facts.groups:
        table = _table(rows, spec.name, design, declared=reference == "declared", smallest=smallest_reference, decide_by=decide_by)
        _write(ledger, table)
        charts.append(_chart(table, census=rows.facts.census))
        notes += _notes(table)
    return ledger.evidence(charts, (*_design_notes(rows, design, decide_by), *notes))


def _table(rows: Rows, name: str, design: RowDesign, *, declared: bool, smallest: int, decide_by: str) -> _Table:
    held, spec = rows.group(name), rows.group_spec(name)
    counted = group_shares(rows.selected, held.codes, len(held.levels))
    reference = highest_rate(counted, fewest_rows=smallest)
    if declared and spec.reference in held.levels:
        reference = held.levels.index(spec.reference)
    selected, totals = (np.array([getattr(share, part) for share in counted], dtype=np.int64) for part in ("successes", "rows"))
    effective = counted if design.clusters is None else group_shares(rows.selected, held.codes, len(held.levels), clusters=design.clusters)
    placed = {} if reference is None else _place(selected, totals, effective, reference, decide_by=decide_by)
    return _Table(name, held.levels, selected, totals, reference, placed)


def _place(
    selected: NDArray[np.int64], totals: NDArray[np.int64], effective: Sequence[Share], reference: int, *, decide_by: str
) -> dict[int, _Placed]:
    """Groups of enough rows against a reference of which somebody was selected."""
    if selected[reference] == 0 or totals[reference] < FEWEST_COMPARED:
        return {}
    others = [int(i) for i in np.flatnonzero(totals >= FEWEST_COMPARED) if i != reference]
    found = {i: standing(int(selected[i]), int(totals[i]), int(selected[reference]), int(totals[reference])) for i in others}
    compared = {i: compare(effective[i], effective[reference]) for i in others}
    tests = {i: _test(found[i], compared[i], effective[i].exact) for i in others}
    adjusted = dict(zip(others, holm(np.array([tests[i][0] for i in others])).tolist(), strict=True)) if others else {}
    return {
        i: _Placed(
            found[i], compared[i], *tests[i], adjusted[i], cell(below=found[i].below, p_value=adjusted[i] if decide_by == "holm" else tests[i][0])
        )
        for i in others
    }


def _test(found: Standing, compared: Comparison, exact: bool) -> tuple[float, str]:
    """The grid's own test of counts, or the one on effective rows where rows come in clusters."""
    return (found.p_value, found.test) if exact or compared.p_value is None else (compared.p_value, f"{compared.test}, effective n")


def _write(ledger: Ledger, table: _Table) -> None:
    for i, level in enumerate(table.levels):
        where = {table.name: level}
        if i in table.placed:
            _write_placed(ledger, table, i)
        elif i != table.reference:
            ledger.absent("impact_ratio", _why_not(table, i), int(table.totals[i]), slice=where)


def _why_not(table: _Table, i: int) -> str:
    if table.reference is None:
        return "No group has enough rows to serve as reference."
    if table.totals[i] < FEWEST_COMPARED:
        return f"There are {table.totals[i]} rows in the group, too few to compare (at least {FEWEST_COMPARED})."
    return f"{table.levels[table.reference]}, the reference, has {table.selected[table.reference]} selected of {table.totals[table.reference]} rows."


def _write_placed(ledger: Ledger, table: _Table, i: int) -> None:
    one, reference = table.placed[i], table.reference or 0
    where, versus = {table.name: table.levels[i]}, {table.name: table.levels[reference]}
    n = int(min(table.totals[i], table.totals[reference]))
    counts = {
        "selected": int(table.selected[i]),
        "total": int(table.totals[i]),
        "reference_selected": int(table.selected[reference]),
        "reference_total": int(table.totals[reference]),
    }
    ledger.add("impact_ratio", one.comparison.ratio, slice=where, versus=versus, unit="ratio", counts=counts, n=n)
    for name, value, unit, method in _exact_numbers(one, len(table.placed)):
        ledger.exact(name, value, n, slice=where, versus=versus, unit=unit, method=method)
    detectable = one.standing.detectable
    if isinstance(detectable, Undefined):
        ledger.absent("smallest_detectable_ratio", detectable.reason, n, slice=where, versus=versus)
    else:
        method = "two-proportion test at 5 %, power 80 %"
        ledger.exact("smallest_detectable_ratio", detectable, n, slice=where, versus=versus, unit="ratio", method=method)


def _exact_numbers(one: _Placed, groups: int) -> list[tuple[str, float, str, str]]:
    held = one.standing
    return [
        ("below_four_fifths", float(held.below), "", "1 where 5 times the rate is less than 4 times the reference's, in integers"),
        ("p_value", one.p_value, "", f"{one.test}, two-sided"),
        ("p_value_holm", one.adjusted, "", f"{one.test}, two-sided, Holm over {groups} groups"),
        ("flips_to_four_fifths", held.flips_to_lift, "rows", "one-for-one swaps that lift the ratio to 4/5"),
        ("flips_to_reverse", held.flips_to_reverse, "rows", "one-for-one swaps that reverse the direction"),
        ("shortfall", held.shortfall, "rows", "group rows at the reference rate, less selected"),
    ]


def _chart(table: _Table, *, census: bool) -> Chart:
    known = max(int(table.totals.sum()), 1)
    rows = [_row(table, i, known, census=census) for i in range(len(table.levels))]
    return TableChart(title=f"Four-fifths grid by {table.name}", columns=COLUMNS, rows=rows)


def _row(table: _Table, i: int, known: int, *, census: bool) -> Sequence[Scalar]:
    selected, total = int(table.selected[i]), int(table.totals[i])
    start: list[Scalar] = [table.levels[i], total, total / known, selected, selected / total if total else None]
    if i not in table.placed:
        return [*start, *[None] * (len(COLUMNS) - len(start) - 1), "reference" if i == table.reference else "not placed"]
    one = table.placed[i]
    held, ratio = one.standing, one.comparison.ratio
    ends = (ratio.low, ratio.high) if isinstance(ratio, Interval) and not census else (None, None)
    detectable = None if isinstance(held.detectable, Undefined) else held.detectable
    return [
        *start,
        float(held.ratio),
        *ends,
        held.below,
        one.p_value,
        one.adjusted,
        one.test,
        held.flips_to_lift,
        held.flips_to_reverse,
        held.shortfall,
        detectable,
        one.cell,
    ]


def _design_notes(rows: Rows, design: RowDesign, decide_by: str) -> list[str]:
    notes = [f"Groups are placed by the {'Holm-adjusted' if decide_by == 'holm' else 'unadjusted'} p value.", *([design.note] if design.note else [])]
    refused = int((rows.decisions < 0).sum())
    return [*notes, f"{refused:,} rows have no decision because their output was not finite; they count as not selected."] if refused else notes


def _notes(table: _Table) -> list[str]:
    if table.reference is None:
        return [f"{table.name}: no group has enough rows to serve as reference."]
    counted = {name: sum(one.cell == name for one in table.placed.values()) for name in CELLS.values()}
    shown = "; ".join(f"{count} {name}" for name, count in counted.items() if count)
    notes = [f"{table.name}, against {table.levels[table.reference]}: {shown}."] if shown else []
    alone = [table.levels[i] for i, one in table.placed.items() if one.standing.below and one.standing.flips_to_lift == 1]
    return [*notes, *([f"{table.name}: one exchanged decision would lift {', '.join(alone)} to 4/5."] if alone else [])]
