"""The check `fairness.individual`: whether people who are alike are decided alike, and whether a protected attribute alone turns decisions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.ledger import Ledger
from audit.methods.fairness.comparisons import FEWEST_COMPARED, compare
from audit.methods.fairness.consistency import neighbour_agreement
from audit.methods.fairness.plain_inputs import plain_inputs
from audit.methods.statistics.group_shares import group_shares, one_share
from audit.methods.statistics.intervals import Estimate, Interval, Undefined
from audit.methods.statistics.means import mean_difference, mean_interval
from audit.methods.statistics.proportions import Share, proportion_interval
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

Floats = NDArray[np.float64]
FLIP = "fairness.attribute_flip"
DEPENDENT = (
    "Consistency: rows share neighbours, so they are not independent; the intervals treat rows (or clusters) as if they were, "
    "and are somewhat too narrow."
)


@dataclass(frozen=True)
class _Agreement:
    """Share of neighbours decided alike for some rows: values, positions of the rows, their design."""

    values: Floats
    held: NDArray[np.int64]
    design: RowDesign

    def of(self, kept: NDArray[np.int64]) -> _Agreement:
        return _Agreement(self.values[kept], self.held[kept], self.design.of(kept))


@check(
    title="Alike people, alike decisions",
    topics=("fairness", "individual_fairness", "counterfactual"),
    measures=("consistency", "consistency_difference", "changed_share", "changed_share_difference", "mean_score_change"),
    optional=(FLIP,),
    needs={"groups", "inputs"},
    tasks={"binary", "multiclass", "anomaly"},
)
def individual(rows: Rows, *, k: int = 5, rows_used: int = 2000) -> Evidence:
    """Are people with nearly the same inputs decided alike, and does a protected attribute by itself turn a decision?

    Why it matters:
        Equal rates of groups say nothing of two people side by side. Someone refused while nearly everyone like them is accepted has a
        complaint whatever the group, and where the attribute is an input, the plainest question is what the network would have said to the
        same person with another entry.

    How to read it:
        Consistency is the mean share of a row's k nearest other rows that get its decision: 1 when all alike people are decided alike. The
        row itself is not among its neighbours, unlike in other tools, whose value is higher by up to 1/k. Numbers are compared in standard
        deviations, texts by being equal; rows of the same cluster are no neighbours, and rows equally far away share the last places. The
        changed share is the part of rows whose decision changes when a protected attribute among the inputs is set to any of its other levels,
        all else equal; the mean score change is the mean of the largest change of a probability or score under it.

    What it cannot show:
        Who is alike in what matters: the distance weighs every input the same, relevant or not, protected or not, and a network that
        decides everybody by one irrelevant input is consistent. A flip leaves every other input as it is, also those that the attribute
        shapes, and may describe people who do not exist.

    References:
        Dwork et al. 2012, Fairness Through Awareness, doi:10.1145/2090236.2090255
        Zemel et al. 2013, Learning Fair Representations, https://proceedings.mlr.press/v28/zemel13.html
        Kusner et al. 2017, Counterfactual Fairness, arXiv:1703.06856
    """
    flipped = rows.within(FLIP) if rows.has(f"{FLIP}.changed") else None
    whole = rows.n <= rows_used and (flipped is None or flipped.n == rows.n)
    ledger, notes = Ledger(census=rows.facts.census and whole), list[str]()
    charts = _consistency(ledger, rows, notes, k=k, rows_used=rows_used)
    if flipped is None:
        ledger.absent("changed_share", rows.why_absent(FLIP), rows.n)
    else:
        charts += _flips(ledger, flipped, notes)
    return ledger.evidence(charts, tuple(dict.fromkeys(notes)))


def _consistency(ledger: Ledger, rows: Rows, notes: list[str], *, k: int, rows_used: int) -> list[BarChart]:
    names = [name for name in rows.names() if name.startswith("subject.input.") and rows.column(name).ndim == 1]
    decided = np.flatnonzero(rows.decisions >= 0)
    if not names or len(decided) <= k:
        reason = "No input is a column of numbers or texts." if not names else f"There are {len(decided)} decided rows, too few for {k} other ones."
        ledger.absent("consistency", reason, rows.n)
        return []
    clusters = rows.column("subject.cluster").astype(np.int64)[decided] if rows.has("subject.cluster") else None
    asked = np.searchsorted(rows.positions, rows.some(rows_used, "fairness.individual").positions)
    queries = np.searchsorted(decided, np.intersect1d(asked, decided))
    points = plain_inputs({name: rows.column(name)[decided] for name in names}).entries
    found = neighbour_agreement(points, rows.decisions[decided], queries, k=k, clusters=clusters)
    known = np.isfinite(found)
    held = decided[queries[known]]
    agreement = _Agreement(found[known], held, row_design(rows).of(held))
    ledger.add("consistency", _bounded_mean(agreement), unit="proportion")
    notes += [DEPENDENT] if len(held) else []
    if rows.n > rows_used:
        notes.append(f"Consistency: {len(held):,} rows drawn at random are held against all {len(decided):,}.")
    charts: list[BarChart] = []
    for spec in rows.facts.groups:
        charts += _by_group(ledger, rows, spec.name, agreement, notes)
    return charts


def _by_group(ledger: Ledger, rows: Rows, attribute: str, agreement: _Agreement, notes: list[str]) -> list[BarChart]:
    levels, codes = rows.group_spec(attribute).levels, rows.group(attribute).codes[agreement.held]
    members = [agreement.of(np.flatnonzero(codes == level)) for level in range(len(levels))]
    reference = reference_group(rows, attribute, [len(mine.held) for mine in members])
    found = [_bounded_mean(mine) for mine in members]
    for level, mine in enumerate(members):
        where = {attribute: levels[level]}
        ledger.add("consistency", found[level], slice=where, unit="proportion")
        if reference is not None and level != reference:
            n, versus = min(len(mine.held), len(members[reference].held)), {attribute: levels[reference]}
            ledger.add("consistency_difference", _difference(mine, members[reference]), slice=where, versus=versus, unit="proportion", n=n)
    notes += [note for note in (reference_note(rows, attribute, reference),) if note]
    return _bars(f"Consistency by {attribute}", levels, found, "share of nearest others decided alike")


def _bounded_mean(agreement: _Agreement) -> Estimate:
    """The mean of values in [0, 1]; where all are 0, or all 1, the exact interval of the share of rows that are."""
    values, design = agreement.values, agreement.design
    if len(values) and values.min() == values.max() and values[0] in (0.0, 1.0):
        return proportion_interval(one_share(values == 1.0, weights=design.weights, clusters=design.clusters))
    found = mean_interval(values, design.weights, clusters=design.clusters)
    if isinstance(found, Undefined):
        return found
    return Interval(found.value, max(0.0, found.low), min(1.0, found.high), found.n, found.method)


def _difference(mine: _Agreement, theirs: _Agreement) -> Estimate:
    n = min(len(mine.held), len(theirs.held))
    if n < FEWEST_COMPARED:
        return Undefined(f"There are {n} rows on one side, too few to compare (at least {FEWEST_COMPARED}).", n)
    if np.ptp(mine.values) == 0 and np.ptp(theirs.values) == 0:
        return Undefined("The rows of both sides do not differ among themselves, so nothing tells how far chance could move the difference.", n)
    one, two = mine.design, theirs.design
    weights = None if one.weights is None or two.weights is None else (one.weights, two.weights)
    clusters = None if one.clusters is None or two.clusters is None else (one.clusters, two.clusters)
    return mean_difference(mine.values, theirs.values, weights, clusters=clusters)


def _flips(ledger: Ledger, rows: Rows, notes: list[str]) -> list[BarChart]:
    """`rows` are those the probe measured."""
    changed, design, charts = rows.column(f"{FLIP}.changed"), row_design(rows), []
    known = changed >= 0
    everyone = one_share(changed == 1, base=known, weights=design.weights, clusters=design.clusters)
    ledger.add("changed_share", _share(everyone), unit="proportion", counts=_counts(everyone))
    _score_change(ledger, rows, design)
    unknown = int((~known).sum())
    if unknown:
        notes.append(f"Flips: {unknown:,} rows whose own level is unknown, or without a finite output, are left out.")
    for spec in rows.facts.groups:
        codes = rows.group(spec.name).codes
        shares = group_shares(changed == 1, codes, len(spec.levels), base=known, weights=design.weights, clusters=design.clusters)
        reference = reference_group(rows, spec.name, [share.rows for share in shares])
        for level, share in enumerate(shares):
            where = {spec.name: spec.levels[level]}
            ledger.add("changed_share", _share(share), slice=where, unit="proportion", counts=_counts(share))
            if reference is not None and level != reference:
                held = compare(share, shares[reference])
                versus = {spec.name: spec.levels[reference]}
                ledger.add("changed_share_difference", held.difference, slice=where, versus=versus, unit="proportion", n=held.rows)
        charts += _bars(
            f"Decisions that a flip changes, by {spec.name}", spec.levels, [_share(share) for share in shares], "share of changed decisions"
        )
    return charts


def _score_change(ledger: Ledger, rows: Rows, design: RowDesign) -> None:
    if not rows.has(f"{FLIP}.largest_score_change"):
        return
    moved = rows.column(f"{FLIP}.largest_score_change")
    known = np.isfinite(moved)
    held = design.of(known)
    ledger.add("mean_score_change", mean_interval(moved[known], held.weights, clusters=held.clusters))
    for spec in rows.facts.groups:
        codes = rows.group(spec.name).codes
        for level, name in enumerate(spec.levels):
            mine = known & (codes == level)
            of = design.of(mine)
            ledger.add("mean_score_change", mean_interval(moved[mine], of.weights, clusters=of.clusters), slice={spec.name: name})


def _share(share: Share) -> Estimate:
    return proportion_interval(share) if share.total > 0 else Undefined("The group has no rows whose attribute could be changed.", share.rows)


def _counts(share: Share) -> dict[str, int] | None:
    return {"changed": int(share.successes), "rows": share.rows} if share.exact and share.rows else None


def _bars(title: str, levels: tuple[str, ...], found: list[Estimate], x_label: str) -> list[BarChart]:
    return estimate_bars(title=title, categories=levels, estimates=found, x_label=x_label)
