"""The check `fairness.conditional_disparity`: do groups differ among rows that are alike in one declared respect?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart, Mark
from audit.check import check
from audit.errors import nearest
from audit.estimate_bars import estimate_bars
from audit.facts import LABEL_WORDS
from audit.ledger import Ledger
from audit.methods.fairness.clustered_strata import clustered_mantel_haenszel
from audit.methods.fairness.comparisons import FEWEST_COMPARED
from audit.methods.fairness.conditional_disparity import conditional_disparity as disparity
from audit.methods.fairness.mantel_haenszel import Association, Strata, mantel_haenszel
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.intervals import Estimate, Interval, Undefined
from audit.methods.statistics.simultaneous import holm
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence, Slice
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

INPUT = "subject.input."
FEW_VALUES = 10
"""Numeric columns with at most so many distinct values are strata as they are."""
STRATIFIED = ("common_odds_ratio", "common_risk_difference", "no_association_p_value", "no_association_p_value_holm", "homogeneity_p_value")


@dataclass(frozen=True)
class _Declared:
    """The strata: a position for each row, -1 unknown, and how they were cut."""

    name: str
    codes: NDArray[np.int64]
    size: int
    how: str


@dataclass(frozen=True)
class _Outcome:
    """Favourable labels or decisions, (n,), of the rows that have one."""

    name: str
    favourable: NDArray[np.bool_]
    known: NDArray[np.bool_]


@check(
    title="Disparity between alike rows",
    topics=("fairness", "selection_rates", "conditional_parity"),
    measures=("demographic_disparity", "conditional_demographic_disparity", *STRATIFIED),
    needs={"groups"},
    tasks={"binary", "multiclass", "anomaly"},
)
def conditional_disparity(rows: Rows, *, strata: str = "", bins: int = 4, most_strata: int = 1000) -> Evidence:
    """Do groups fare differently among rows that are alike in one declared respect?

    Why it matters:
        Two groups can differ overall because their members differ in something that decisions may rest on, and a difference within every
        stratum can vanish overall or even turn round (Simpson's paradox). Which respect may be allowed for is a judgement: it must be
        declared with the setting `strata`, an input or another group attribute, and argued for.

    How to read it:
        Demographic disparity is the share of a group among unfavourable outcomes less its share among favourable ones: positive where the
        group has more than its part of refusals. The conditional one is its mean over strata, weighted by their rows, and compares a group with
        everybody else. The common risk difference is the group's favourable rate less the reference's, averaged over strata, and the
        common odds ratio the odds of a favourable outcome in the group over those in the reference; 0 and 1 are no difference. The
        no-association p value tells how often chance alone would show so much; the homogeneity p value, where small, that strata
        differ, so that one common number hides opposite ones. All are given for decisions and, where known, for labels. Numeric inputs
        of many values are cut at quantiles. Weighted rows enter odds ratio and risk difference by effective counts; for rows in clusters
        intervals and the test of no association take each cluster as one observation, and there is no homogeneity p value.

    What it cannot show:
        Whether the declared respect may justify a difference, or was itself shaped by earlier disadvantage; strata that stand in for the group
        hide the very difference. Rows within a stratum of a wide range can still be unlike.

    References:
        Wachter, Mittelstadt & Russell 2021, arXiv:2005.05906
        Mantel & Haenszel 1959, doi:10.1093/jnci/22.4.719
        Robins, Breslow & Greenland 1986, doi:10.2307/2531052
        Sato 1989, Biometrics 45:1323-1324
        Breslow & Day 1980, Statistical Methods in Cancer Research I, IARC
        Tarone 1985, doi:10.1093/biomet/72.1.91
        Bickel, Hammel & O'Connell 1975, doi:10.1126/science.187.4175.398
    """
    ledger, design, charts = Ledger(census=rows.facts.census), row_design(rows), []
    held = _declared(rows, strata, bins, most_strata)
    if isinstance(held, str) or not rows.facts.positive or rows.facts.selected_words:
        reason = held if isinstance(held, str) else "No class was declared favourable, so there is no outcome to compare."
        ledger.absent("conditional_demographic_disparity", reason, rows.n)
        return ledger.evidence()
    outcomes = _outcomes(rows)
    notes = [held.how, *(LABEL_WORDS[rows.facts.label_kind] for one in outcomes if one.name == "label"), *([design.note] if design.note else [])]
    unknown = int((held.codes < 0).sum())
    if unknown:
        notes.append(f"{unknown:,} rows have no known {held.name} and are left out.")
    for spec in rows.facts.groups:
        if spec.name == strata:
            continue
        codes = rows.group(spec.name).codes.astype(np.int64)
        reference = reference_group(rows, spec.name, np.bincount(codes[codes >= 0], minlength=len(spec.levels)).tolist())
        notes += [note for note in (reference_note(rows, spec.name, reference),) if note]
        for outcome in outcomes:
            usable = np.where(outcome.known & (held.codes >= 0), codes, -1)
            _write_disparity(ledger, spec.name, spec.levels, outcome, usable, held=held, design=design, notes=notes)
            if reference is not None:
                charts += _write_strata(ledger, spec.name, spec.levels, outcome, usable, held=held, design=design, reference=reference)
    return ledger.evidence(charts, tuple(dict.fromkeys(notes)))


def _declared(rows: Rows, name: str, bins: int, most: int) -> _Declared | str:
    """The strata, or why there are none."""
    if not name:
        return "No stratum was declared: name an input or a group attribute with the setting 'strata'."
    attributes = [spec.name for spec in rows.facts.groups]
    inputs = [column.removeprefix(INPUT) for column in rows.names() if column.startswith(INPUT)]
    if name in attributes:
        held = rows.group(name)
        found = _Declared(name, held.codes.astype(np.int64), len(held.levels), f"Strata are the {len(held.levels)} levels of {name}.")
        return found if len(attributes) > 1 else f"{name} is the only group attribute, and cannot be compared within itself."
    if name not in inputs:
        return f"There is no input or group attribute {name!r} to make strata of: {nearest(name, attributes + inputs)}"
    found = _cut(name, rows.column(INPUT + name), bins)
    return found if found.size <= most else f"{name} has {found.size:,} values, more than the {most:,} strata allowed."


def _cut(name: str, values: NDArray[Any], bins: int) -> _Declared:
    if values.dtype.kind not in "fiub":
        places = {value: place for place, value in enumerate(sorted({str(v) for v in values if v is not None}))}
        codes = np.fromiter((-1 if v is None else places[str(v)] for v in values), dtype=np.int64, count=len(values))
        return _Declared(name, codes, len(places), f"Strata are the {len(places)} values of {name}.")
    numbers = values.astype(np.float64)
    finite = np.isfinite(numbers)
    distinct = np.unique(numbers[finite])
    if len(distinct) <= FEW_VALUES:
        codes = np.where(finite, np.searchsorted(distinct, np.where(finite, numbers, 0.0)), -1)
        return _Declared(name, codes, len(distinct), f"Strata are the {len(distinct)} values of {name}.")
    edges = np.unique(np.quantile(numbers[finite], np.arange(1, bins) / bins))
    codes = np.where(finite, np.searchsorted(edges, numbers, side="left"), -1)
    shown = ", ".join(f"{edge:.4g}" for edge in edges)
    return _Declared(name, codes, len(edges) + 1, f"Strata are ranges of {name}, cut after {shown} (quantiles).")


def _outcomes(rows: Rows) -> list[_Outcome]:
    decision = _Outcome("decision", rows.selected, np.ones(rows.n, dtype=np.bool_))
    if rows.facts.label is None or not rows.has("subject.label"):
        return [decision]
    return [decision, _Outcome("label", np.isin(rows.labels, rows.facts.positive), rows.labels >= 0)]


def _write_disparity(
    ledger: Ledger,
    attribute: str,
    levels: Sequence[str],
    outcome: _Outcome,
    codes: NDArray[np.int64],
    *,
    held: _Declared,
    design: RowDesign,
    notes: list[str],
) -> None:
    for name, strata in (("demographic_disparity", np.zeros(len(codes), dtype=np.int64)), ("conditional_demographic_disparity", held.codes)):
        found = disparity(outcome.favourable, codes, strata, groups=len(levels), weights=design.weights, clusters=design.clusters)
        at = {"outcome": outcome.name} | ({"strata": held.name} if name.startswith("conditional") else {})
        for level, estimate in zip(levels, found.groups, strict=True):
            ledger.add(name, estimate, slice={attribute: level}, at=at)
        if found.left_out and name.startswith("conditional"):
            notes.append(f"{attribute}, {outcome.name}: {found.left_out:,} rows lie in strata with one outcome only and count for no disparity.")


def _write_strata(
    ledger: Ledger,
    attribute: str,
    levels: Sequence[str],
    outcome: _Outcome,
    codes: NDArray[np.int64],
    *,
    held: _Declared,
    design: RowDesign,
    reference: int,
) -> list[BarChart]:
    versus, at = {attribute: levels[reference]}, {"outcome": outcome.name, "strata": held.name}
    others = [level for level in range(len(levels)) if level != reference]
    if design.clusters is None:
        tables = _tables(outcome, codes, held, groups=len(levels), design=design)
        found = {level: _associate(tables, level, reference) for level in others}
    else:
        found = {level: _associate_clusters(outcome, codes, held, design, level=level, reference=reference) for level in others}
    for level, one in found.items():
        where = {attribute: levels[level]}
        ledger.add("common_odds_ratio", one.odds_ratio, slice=where, versus=versus, at=at, unit="ratio")
        ledger.add("common_risk_difference", one.risk_difference, slice=where, versus=versus, at=at, unit="proportion")
        _write_p(
            ledger,
            "homogeneity_p_value",
            one.homogeneity_p,
            one,
            slice=where,
            versus=versus,
            at=at,
            method="Breslow-Day test with Tarone's correction",
        )
        method = "Cochran-Mantel-Haenszel chi-square, two-sided, without continuity correction"
        if design.clusters is not None:
            method = "Cochran-Mantel-Haenszel score, two-sided t test over clusters"
        _write_p(ledger, "no_association_p_value", one.no_association_p, one, slice=where, versus=versus, at=at, method=method)
    tested = {level: one.no_association_p for level, one in found.items() if not isinstance(one.no_association_p, Undefined)}
    for level, p_value in zip(tested, holm(np.array(list(tested.values()), dtype=np.float64)), strict=True):
        method = f"Cochran-Mantel-Haenszel, two-sided, Holm over {len(tested)} groups"
        where = {attribute: levels[level]}
        ledger.exact("no_association_p_value_holm", p_value, found[level].odds_ratio.n, slice=where, versus=versus, at=at, method=method)
    differences = {levels[level]: one.risk_difference for level, one in found.items()}
    return (
        _chart(differences, f"{outcome.name.capitalize()}s by {attribute} within {held.name}", levels[reference])
        if outcome.name == "decision"
        else []
    )


def _tables(outcome: _Outcome, codes: NDArray[np.int64], held: _Declared, *, groups: int, design: RowDesign) -> NDArray[np.float64]:
    """Hits, (effective) rows and plain rows by group and stratum, (3, groups, strata)."""
    cells = np.where(codes >= 0, codes * held.size + held.codes, -1)
    shares = group_shares(outcome.favourable, cells, groups * held.size, weights=design.weights)
    return np.array([(s.successes, s.total, s.rows) for s in shares], dtype=np.float64).T.reshape(3, groups, held.size)


def _associate(tables: NDArray[np.float64], level: int, reference: int) -> Association:
    both = (tables[2, level] > 0) & (tables[2, reference] > 0)
    n = int(min(tables[2, level, both].sum(), tables[2, reference, both].sum()))
    if n < FEWEST_COMPARED:
        gone = Undefined(f"There are {n} rows of the smaller side in strata with both groups, too few to compare (at least {FEWEST_COMPARED}).", n)
        return Association(gone, gone, gone, gone, int(both.sum()))
    return mantel_haenszel(Strata(tables[0, level], tables[1, level], tables[0, reference], tables[1, reference], n))


def _associate_clusters(
    outcome: _Outcome, codes: NDArray[np.int64], held: _Declared, design: RowDesign, *, level: int, reference: int
) -> Association:
    """The same for rows that belong to clusters, which may hold rows of both sides and of several strata."""
    used = np.flatnonzero((codes == level) | (codes == reference))
    grouped, strata, own = codes[used] == level, held.codes[used], design.of(used)
    sides = [np.bincount(strata[side], minlength=held.size) for side in (grouped, ~grouped)]
    both = (sides[0] > 0) & (sides[1] > 0)
    n = int(min(side[both].sum() for side in sides))
    if n < FEWEST_COMPARED or own.clusters is None:
        gone = Undefined(f"There are {n} rows of the smaller side in strata with both groups, too few to compare (at least {FEWEST_COMPARED}).", n)
        return Association(gone, gone, gone, gone, int(both.sum()))
    return clustered_mantel_haenszel(outcome.favourable[used], grouped, strata, clusters=own.clusters, weights=own.weights)


def _write_p(
    ledger: Ledger,
    name: str,
    found: float | Undefined,
    one: Association,
    *,
    slice: Slice,  # noqa: A002  the word of `Measurement`
    versus: Slice,
    at: Mapping[str, str],
    method: str,
) -> None:
    n = one.odds_ratio.n
    if isinstance(found, Undefined):
        ledger.absent(name, found.reason, n, slice=slice, versus=versus, at=at)
    else:
        ledger.exact(name, found, n, slice=slice, versus=versus, at=at, method=f"{method}, {one.strata} strata")


def _chart(found: Mapping[str, Estimate], title: str, reference: str) -> list[BarChart]:
    drawn = {level: one for level, one in found.items() if isinstance(one, Interval)}
    return estimate_bars(
        title=title,
        categories=list(drawn),
        estimates=list(drawn.values()),
        x_label=f"common risk difference from {reference}",
        marks=[Mark(value=0.0, label="no difference")],
    )
