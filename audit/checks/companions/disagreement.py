"""The check `companions.disagreement`: how far the networks lie apart row by row, and whether that warns of errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.facts import LABEL_WORDS
from audit.ledger import Ledger, family
from audit.methods.fairness.comparisons import FEWEST_COMPARED
from audit.methods.performance.roc import auc
from audit.methods.statistics.intervals import Estimate
from audit.methods.statistics.means import mean_difference, mean_interval
from audit.methods.statistics.simultaneous import bonferroni
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

PROBE = "companions.outputs"
MEANS = {"disagreement": "proportion", "spread": "squared probability", "mutual_information": "nats"}
"""Columns whose means are shown, and their unit."""


@dataclass(frozen=True)
class _Values:
    """One column of the rows that have a value."""

    name: str
    unit: str
    values: NDArray[np.float64]
    known: NDArray[np.bool_]
    design: RowDesign

    def mean(self, kept: NDArray[np.bool_]) -> Estimate:
        design = self.design.of(kept & self.known)
        return mean_interval(self.values[kept & self.known], design.weights, clusters=design.clusters)


@check(
    title="Disagreement of the networks",
    topics=("uncertainty", "performance", "fairness"),
    measures=(
        "disagreement",
        "disagreement_difference",
        "spread",
        "spread_difference",
        "mutual_information",
        "mutual_information_difference",
        "error_area",
    ),
    reads=("outputs", PROBE),
    needs={"companions"},
    tasks={"binary", "multiclass", "anomaly"},
)
def disagreement(rows: Rows) -> Evidence:
    """How far do the network and its companions lie apart, on whose rows, and does it warn of errors?

    Why it matters:
        Networks that were fitted alike and still answer differently show that the data leave the answer open. Where one group's rows are
        disputed more often, its members are decided by the accident of which network was taken, and an ensemble hides it behind a mean.

    How to read it:
        Disagreement is the share of networks, the audited one among them, that do not decide as most do, averaged over rows; the spread is
        the variance of their probabilities. Mutual information, in nats, is high where each network is sure and they contradict each other,
        and low where all are unsure alike. The error area is the chance that a row decided wrongly is disputed more than one decided rightly,
        ties counting one half: 50 % is no warning at all. Group differences are to the reference group, with an interval of their own and one
        that holds for all groups together.

    What it cannot show:
        Errors that all networks make alike, which is what networks fitted on the same data do most. Agreement says nothing about whether they
        are right.

    References:
        Lakshminarayanan, Pritzel & Blundell 2017, arXiv:1612.01474
        Depeweg et al. 2018, Decomposition of uncertainty, arXiv:1710.07283
        Marx, Calmon & Ustun 2020, Predictive multiplicity in classification, arXiv:1909.06677
        DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595
    """
    held, ledger, charts = rows.within(PROBE), Ledger(census=rows.facts.census), []
    design = row_design(held)
    companions = held.column(f"{PROBE}.decision").shape[1]
    notes = [f"Disagreement counts {companions + 1} networks: the audited one and {companions} beside it."]
    notes += [design.note] if design.note else []
    shown = [_values(held, name, unit, design) for name, unit in MEANS.items() if held.has(f"{PROBE}.{name}")]
    for name in MEANS:
        if not held.has(f"{PROBE}.{name}"):
            ledger.absent(name, "Fewer than two of the networks give what it is made of.", held.n)
    for one in shown:
        ledger.add(one.name, one.mean(np.ones(held.n, dtype=np.bool_)), unit=one.unit)
    _errors(ledger, held, shown, notes)
    for spec in rows.facts.groups:
        for one in shown:
            charts += _by_group(ledger, held, one, spec.name)
        notes += [note for note in (_named_reference(held, spec.name),) if note]
    return ledger.evidence(charts, notes)


def _values(held: Rows, name: str, unit: str, design: RowDesign) -> _Values:
    values = held.column(f"{PROBE}.{name}").astype(np.float64)
    raw_score = name == "spread" and not held.has("outputs.probability")
    return _Values(name, "squared score" if raw_score else unit, values, np.isfinite(values), design)


def _errors(ledger: Ledger, held: Rows, shown: list[_Values], notes: list[str]) -> None:
    if not held.has("outputs.correct"):
        return
    notes.append(LABEL_WORDS[held.facts.label_kind])
    correct = held.column("outputs.correct")
    for one in shown:
        kept = (correct >= 0) & one.known
        design = one.design.of(kept)
        area = auc(one.values[kept], correct[kept] == 0, design.weights, clusters=design.clusters)
        ledger.add("error_area", area, at={"by": one.name}, unit="proportion")


def _by_group(ledger: Ledger, held: Rows, one: _Values, attribute: str) -> list[BarChart]:
    groups, reference = held.group(attribute), _reference(held, attribute)
    members = [groups.codes == level for level in range(len(groups.levels))]
    found = [one.mean(member) for member in members]
    for level_name, estimate in zip(groups.levels, found, strict=True):
        ledger.add(one.name, estimate, slice={attribute: level_name}, unit=one.unit)
    others = [level for level in range(len(members)) if reference is not None and level != reference]
    for level in others:
        sides = [np.flatnonzero(members[side] & one.known) for side in (level, reference or 0)]
        where, versus, fewest = {attribute: groups.levels[level]}, {attribute: groups.levels[reference or 0]}, min(map(len, sides))
        if fewest < FEWEST_COMPARED:
            reason = f"One side has {fewest} rows, too few to compare (at least {FEWEST_COMPARED})."
            ledger.absent(f"{one.name}_difference", reason, fewest, slice=where, versus=versus)
            continue
        own, wide = (_apart(one, sides, confidence) for confidence in (0.95, bonferroni(0.95, len(others))))
        ledger.add(f"{one.name}_difference", own, slice=where, versus=versus, unit=one.unit, n=fewest, simultaneous=family(wide, len(others)))
    title = f"{one.name.replace('_', ' ').capitalize()} by {attribute}"
    return estimate_bars(title=title, categories=groups.levels, estimates=found, x_label=one.unit)


def _apart(one: _Values, sides: list[NDArray[np.int64]], confidence: float) -> Estimate:
    first, second = (one.design.of(side) for side in sides)
    weights = None if first.weights is None or second.weights is None else (first.weights, second.weights)
    clusters = None if first.clusters is None or second.clusters is None else (first.clusters, second.clusters)
    return mean_difference(one.values[sides[0]], one.values[sides[1]], weights, clusters=clusters, confidence=confidence)


def _reference(held: Rows, attribute: str) -> int | None:
    groups = held.group(attribute)
    return reference_group(held, attribute, np.bincount(groups.codes[groups.codes >= 0], minlength=len(groups.levels)).tolist())


def _named_reference(held: Rows, attribute: str) -> str:
    return reference_note(held, attribute, _reference(held, attribute))
