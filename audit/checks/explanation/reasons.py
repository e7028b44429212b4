"""The check `explanation.reasons`: candidate principal reasons of adverse decisions, and how far they hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart, TableChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.ledger import ALL_ROWS, Ledger
from audit.methods.attribution.principal_factors import overlap
from audit.methods.statistics.group_shares import one_share
from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.means import mean_interval
from audit.methods.statistics.proportions import proportion_interval
from audit.results import Evidence, Slice
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

PROBE = "attribution.reasons"
BASELINES = {"cutoff": "applicants at the cut-off", "everyone": "all applicants"}
FEWEST_ROWS = 30
"""Declined rows below which no rate is given."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Declined:
    """Declined rows: positions of the columns named (n, most), whether the cut is certain and how many are withheld (n,), by baseline."""

    rows: Rows
    kept: NDArray[np.int64]
    named: dict[str, NDArray[np.int32]]
    certain: dict[str, Mask]
    withheld: dict[str, NDArray[np.int32]]
    names: tuple[str, ...]
    texts: tuple[str, ...]
    protected: Mask
    design: RowDesign

    @property
    def n(self) -> int:
        """Number of declined rows."""
        return len(self.kept)


@check(
    title="Candidate reasons for adverse decisions",
    topics=("explanation", "adverse_action", "transparency"),
    measures=(
        "stable_share",
        "certain_cut_share",
        "mean_overlap",
        "agreeing_share",
        "reason_share",
        "without_reason_share",
        "protected_reason_share",
    ),
    reads=(PROBE,),
    needs={"inputs", "columns"},
    tasks={"binary"},
)
def reasons(rows: Rows, *, shown: int = 20, agreeing_from: int = 3, by_group: int = 8) -> Evidence:
    """Which columns are candidate principal reasons of adverse decisions, and do they hold?

    Why it matters:
        A person who is declined is owed the principal reasons: those that were scored and that counted most. Regulation B has up to four
        named, and takes two comparisons as proper: with applicants at or slightly above the cut-off, and with all applicants. Reasons that
        change with the comparison, or with the next draw of it, are weak ground for a letter.

    How to read it:
        These are candidate principal reasons for creditor review, of a sample of the declined rows. A column is a candidate where it pulled
        the score of a row down, and among the four that did so most. `reason_share` tells how often each one is; for the `by_group` commonest
        also by group. A list is stable where the fourth column is told from the fifth by more than the error of the estimate
        (`certain_cut_share`), and at least `agreeing_from` of four columns are the same under both comparisons (`agreeing_share`; of lists
        shorter than four, all but one). Equal columns keep the order of the audit file. A column that a declared group is read from is never
        listed; `protected_reason_share` tells how often one would have been, which is to be looked into before any letter is written.

    What it cannot show:
        Which reasons a creditor must state: that is decided by those who know the whole case, and the texts must describe what the column
        means. Columns that stand in for a protected attribute are listed like any other. A reason is no advice, and tells no cause.

    References:
        12 CFR 1002.9(b)(2) and its official interpretation, 9(b)(2)-1 to -5 (Regulation B)
        Lundberg & Lee 2017, A Unified Approach to Interpreting Model Predictions, arXiv:1705.07874
    """
    held = _declined(rows)
    ledger = Ledger(census=rows.facts.census and rows.within(PROBE).n == rows.n)
    if held.n < FEWEST_ROWS:
        ledger.absent("stable_share", f"{held.n} declined rows were explained; rates of reasons need at least {FEWEST_ROWS}.", held.n)
        return ledger.evidence()
    _stability(ledger, held, agreeing_from)
    charts = [chart for one in BASELINES for chart in _factors(ledger, held, one, shown)]
    _by_group(ledger, held, by_group)
    return ledger.evidence([*charts, _texts(held)], _notes(held), _blockers(held))


def _declined(rows: Rows) -> Declined:
    within = rows.within(PROBE)
    kept = np.flatnonzero(within.column(f"{PROBE}.declined") == 1)
    players = within.table(PROBE, "players")
    columns = {name: {one: within.column(f"{PROBE}.{name}_{one}")[kept] for one in BASELINES} for name in ("named", "certain", "withheld")}
    return Declined(
        within,
        kept,
        {one: named.astype(np.int32) for one, named in columns["named"].items()},
        {one: certain == 1 for one, certain in columns["certain"].items()},
        columns["withheld"],
        tuple(str(name) for name in players["name"]),
        tuple(str(text) for text in players["reason"]),
        np.asarray(players["protected"]) == 1,
        row_design(within).of(kept),
    )


def _stability(ledger: Ledger, held: Declined, agreeing_from: int) -> None:
    first, second = held.named["cutoff"], held.named["everyone"]
    same = overlap(first, second)
    length = np.maximum((first >= 0).sum(axis=1), (second >= 0).sum(axis=1))
    wanted = np.where(length == first.shape[1], agreeing_from, np.maximum(length - 1, 1))
    agree = same >= wanted
    _share(ledger, "stable_share", held.certain["cutoff"] & held.certain["everyone"] & agree, held.design)
    _share(ledger, "agreeing_share", agree, held.design)
    part = held.design.of(length > 0)
    alike = same[length > 0] / length[length > 0]
    ledger.add("mean_overlap", mean_interval(alike, part.weights, clusters=part.clusters), unit="proportion")
    for one, certain in held.certain.items():
        _share(ledger, "certain_cut_share", certain, held.design, baseline=one)
        _share(ledger, "without_reason_share", np.asarray((held.named[one] < 0).all(axis=1)), held.design, baseline=one)
        if held.protected.any():
            _share(ledger, "protected_reason_share", held.withheld[one] > 0, held.design, baseline=one)


def _share(ledger: Ledger, name: str, chosen: Mask, design: RowDesign, *, where: Slice = ALL_ROWS, **at: str) -> Interval | None:
    estimate = proportion_interval(one_share(chosen, weights=design.weights, clusters=design.clusters))
    ledger.add(name, estimate, slice=where, at=at, unit="proportion")
    return estimate if isinstance(estimate, Interval) else None


def _factors(ledger: Ledger, held: Declined, baseline: str, shown: int) -> list[BarChart]:
    """How often each column is a candidate, the most frequent first; columns that never are stay out."""
    estimates = {}
    for place in _frequent(held, baseline):
        chosen = (held.named[baseline] == place).any(axis=1)
        estimates[held.names[place]] = _share(ledger, "reason_share", chosen, held.design, baseline=baseline, feature=held.names[place])
    top = {name: one for name, one in list(estimates.items())[:shown] if one is not None}
    return estimate_bars(
        title=f"Candidate reasons, compared with {BASELINES[baseline]}",
        categories=list(top),
        estimates=list(top.values()),
        x_label="share of declined rows with this candidate reason",
    )


def _frequent(held: Declined, baseline: str) -> list[int]:
    named = held.named[baseline]
    count = np.bincount(named[named >= 0], minlength=len(held.names))
    return [int(place) for place in np.argsort(-count, kind="stable") if count[place]]


def _by_group(ledger: Ledger, held: Declined, most: int) -> None:
    """Stability and the frequency of the commonest candidates by group, compared with applicants at the cut-off."""
    for spec in held.rows.facts.groups:
        codes = held.rows.group(spec.name).codes[held.kept]
        for code, level in enumerate(spec.levels):
            inside = codes == code
            if inside.sum() < FEWEST_ROWS:
                continue
            where, part = {spec.name: level}, held.design.of(inside)
            _share(ledger, "certain_cut_share", held.certain["cutoff"][inside], part, where=where, baseline="cutoff")
            for place in _frequent(held, "cutoff")[:most]:
                chosen = (held.named["cutoff"][inside] == place).any(axis=1)
                _share(ledger, "reason_share", chosen, part, where=where, baseline="cutoff", feature=held.names[place])


def _texts(held: Declined) -> TableChart:
    """What is told of each column that is a candidate under either comparison, and of how many rows."""
    places = dict.fromkeys(place for one in BASELINES for place in _frequent(held, one))
    lines: list[tuple[str | int, ...]] = []
    for place in places:
        counts = [int((held.named[one] == place).any(axis=1).sum()) for one in BASELINES]
        lines.append((held.names[place], held.texts[place], *counts, int((held.named["cutoff"][:, 0] == place).sum())))
    return TableChart(
        title="Candidate principal reasons for creditor review",
        columns=("column", "text of the reason", *(f"rows, against {words}" for words in BASELINES.values()), "rows where it comes first"),
        rows=lines,
    )


def _notes(held: Declined) -> list[str]:
    notes = [f"{held.n:,} declined rows of the {held.rows.n:,} rows in the sample were explained."]
    plain = [name for name, text, barred in zip(held.names, held.texts, held.protected, strict=True) if name == text and not barred]
    if plain:
        notes.append(
            f"No reason is declared for {len(plain)} columns ({', '.join(plain[:8])}{', …' if len(plain) > 8 else ''}): their names stand instead."
        )
    if not held.protected.any():
        notes.append("The network is given no column that a declared group is read from, so none had to be withheld.")
    return notes


def _blockers(held: Declined) -> list[str]:
    names = [name for name, barred in zip(held.names, held.protected, strict=True) if barred]
    rows = int(np.max([held.withheld[one] > 0 for one in BASELINES], axis=0).sum())
    if not rows:
        return []
    return [
        f"A protected attribute ({', '.join(names)}) would be among the principal reasons of {rows:,} of {held.n:,} declined rows; it is withheld "
        "from their lists, which therefore leave out what counted."
    ]
