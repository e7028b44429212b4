"""The check `fairness.multiclass`: which of several classes each group is given, and how often rightly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart, Chart, HeatMap
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.facts import LABEL_WORDS
from audit.ledger import Ledger
from audit.methods.fairness.comparisons import compare
from audit.methods.fairness.divergences import class_counts, divergences
from audit.methods.fairness.one_vs_rest import (
    RATES,
    ClassShares,
    Labelled,
    balanced_accuracy,
    balanced_accuracy_difference,
    class_shares,
    macro_gap,
)
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.intervals import Estimate, Interval, Undefined
from audit.methods.statistics.proportions import Share, proportion_interval
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

MOST_CHARTED = 30
"""Classes up to which a heat map is drawn."""
EMPTY = {
    "true_positive_rate": "no rows with this label",
    "false_positive_rate": "no rows with another label",
    "positive_predictive_value": "no rows with this decision",
}


@dataclass(frozen=True)
class _Groups:
    """One attribute: the group of each row, and who is compared with."""

    name: str
    levels: tuple[str, ...]
    codes: NDArray[np.int64]
    reference: int | None

    def where(self, level: int) -> dict[str, str]:
        return {self.name: self.levels[level]}

    def others(self) -> Iterator[tuple[int, int]]:
        """Each level to compare, and the reference."""
        if self.reference is not None:
            yield from ((level, self.reference) for level in range(len(self.levels)) if level != self.reference)


@check(
    title="Decisions among several classes by group",
    topics=("fairness", "error_rates", "demographic_parity", "equalized_odds", "multiclass"),
    measures=(
        "decision_rate",
        "decision_rate_difference",
        "total_variation",
        "total_variation_by_chance",
        *RATES,
        *(f"{name}_difference" for name in RATES),
        *(f"macro_{name}_gap" for name in RATES),
        "balanced_accuracy",
        "balanced_accuracy_difference",
    ),
    needs={"groups"},
    tasks={"multiclass"},
)
def multiclass(rows: Rows, *, resamples: int = 1000) -> Evidence:
    """Are groups given the classes in different shares, and is the network more often wrong about some of them?

    Why it matters:
        With several classes a single selection rate hides who is steered where: a group may be sent to one class more often while every
        total looks alike, or one class may be recognised well in one group only.

    How to read it:
        The decision rate is the share of a group's decided rows given to a class. The total variation distance is the share of the group's
        decisions that would have to change for both groups to be given all classes alike: 0 for equal, 1 for disjoint. It is above 0 by
        chance alone; the value by chance is what groups of these sizes would show if both were decided alike. True and false positive rates
        and predictive values take each class against all others, inside the group. The macro gap is the mean size of the difference from the
        reference over the classes, and its interval includes 0 when all of them may be equal. Balanced accuracy is the mean of the true
        positive rates, so that rare classes count as much as frequent ones.

    What it cannot show:
        Which class is better for a person, whether the labels are right, and why groups are decided differently. A class without rows in a
        group has no rate there, and then no mean over all classes is shown.

    References:
        Hardt, Price & Srebro 2016, arXiv:1610.02413
        Brodersen et al. 2010, doi:10.1109/ICPR.2010.764
        Putzel & Lee 2022, Blackbox Post-Processing for Multiclass Fairness, arXiv:2201.04461
    """
    ledger, design, charts = Ledger(census=rows.facts.census), row_design(rows), []
    notes = [*([LABEL_WORDS[rows.facts.label_kind]] if rows.facts.label is not None else []), *([design.note] if design.note else [])]
    notes += _left_out(rows)
    for spec in rows.facts.groups:
        codes = rows.group(spec.name).codes.astype(np.int64)
        reference = reference_group(rows, spec.name, np.bincount(codes[codes >= 0], minlength=len(spec.levels)).tolist())
        groups = _Groups(spec.name, spec.levels, codes, reference)
        notes += [note for note in (reference_note(rows, spec.name, reference),) if note]
        charts += _decisions(ledger, rows, groups, design)
        _distances(ledger, rows, groups, design, resamples=resamples)
        if rows.facts.label is not None:
            charts += _against_labels(ledger, rows, groups, design, resamples=resamples)
    if rows.facts.label is None:
        ledger.absent("balanced_accuracy", "No label column was declared, so no decision is right or wrong.", rows.n)
    return ledger.evidence(charts, notes)


def _left_out(rows: Rows) -> list[str]:
    notes = []
    refused = int((rows.decisions < 0).sum())
    if refused:
        notes.append(
            f"{refused:,} rows have no decision because their output was not finite; they are in no decision rate, and count as not recognised."
        )
    unknown = int((rows.labels < 0).sum()) if rows.facts.label is not None else 0
    if unknown:
        notes.append(f"{unknown:,} rows have no known label and are left out of everything that compares with labels.")
    return notes


def _decisions(ledger: Ledger, rows: Rows, groups: _Groups, design: RowDesign) -> list[Chart]:
    decisions, table = rows.decisions, []
    for position, name in enumerate(rows.facts.classes):
        shares = group_shares(
            decisions == position, groups.codes, len(groups.levels), base=decisions >= 0, weights=design.weights, clusters=design.clusters
        )
        table.append(_rates(ledger, groups, shares, "decision_rate", name, "The group has no rows with a decision."))
    return _heat_map(f"Share of each {groups.name} given each class", rows, groups, table)


def _rates(ledger: Ledger, groups: _Groups, shares: Sequence[Share], name: str, of: str, empty: str) -> list[float | None]:  # noqa: PLR0917
    """Write one rate of one class for all groups, and its differences; returns the values."""
    found = [proportion_interval(share) if share.total > 0 else Undefined(empty, share.rows) for share in shares]
    for level, (share, estimate) in enumerate(zip(shares, found, strict=True)):
        counts = {"hits": int(share.successes), "base": share.rows} if share.exact and share.rows else None
        ledger.add(name, estimate, slice=groups.where(level), at={"class": of}, unit="proportion", counts=counts)
    for level, reference in groups.others():
        gone = min(shares[level].rows, shares[reference].rows) == 0
        held = compare(shares[level], shares[reference])
        difference = Undefined(f"On one side: {empty}", 0) if gone else held.difference
        where, versus = groups.where(level), groups.where(reference)
        ledger.add(f"{name}_difference", difference, slice=where, versus=versus, at={"class": of}, unit="proportion", n=held.rows)
    return [one.value if isinstance(one, Interval) else None for one in found]


def _distances(ledger: Ledger, rows: Rows, groups: _Groups, design: RowDesign, *, resamples: int) -> None:
    counts = class_counts(
        rows.decisions,
        groups.codes,
        classes=len(rows.facts.classes),
        groups=len(groups.levels),
        weights=design.weights,
        clusters=design.clusters,
    )
    generator = rows.generator(f"fairness.multiclass distance {groups.name}")
    for level, reference in groups.others():
        n = min(counts[level].rows, counts[reference].rows)
        held = divergences(counts[level], counts[reference], generator=generator, resamples=resamples)["total_variation"]
        where, versus = groups.where(level), groups.where(reference)
        ledger.add("total_variation", held.estimate, slice=where, versus=versus, unit="proportion", n=n)
        if isinstance(held.by_chance, Undefined):
            ledger.absent("total_variation_by_chance", held.by_chance.reason, n, slice=where, versus=versus)
        else:
            method = f"mean over {resamples} pairs of groups of these sizes drawn from the decisions of both"
            ledger.exact("total_variation_by_chance", held.by_chance, n, slice=where, versus=versus, unit="proportion", method=method)


def _against_labels(ledger: Ledger, rows: Rows, groups: _Groups, design: RowDesign, *, resamples: int) -> list[Chart]:
    known = rows.labels >= 0
    held = design.of(known)
    labelled = Labelled(rows.labels[known].astype(np.int64), rows.decisions[known], groups.codes[known], held.weights, held.clusters)
    shares = class_shares(labelled, groups=len(groups.levels), classes=len(rows.facts.classes))
    charts: list[Chart] = []
    for name in RATES:
        words = f"There are {EMPTY[name]}."
        table = [
            _rates(ledger, groups, [of[position] for of in shares[name]], name, label, words) for position, label in enumerate(rows.facts.classes)
        ]
        charts += _heat_map(f"{name.replace('_', ' ').capitalize()} of each class by {groups.name}", rows, groups, table) if name == RATES[0] else []
    generator = rows.generator(f"fairness.multiclass gaps {groups.name}")
    found = _accuracies(ledger, groups, labelled, shares)
    for level, reference in groups.others():
        _gaps(ledger, groups, labelled, shares, (level, reference), generator=generator, resamples=resamples)
    return [*_bars(f"Balanced accuracy by {groups.name}", groups, found), *charts]


def _accuracies(ledger: Ledger, groups: _Groups, labelled: Labelled, shares: ClassShares) -> list[Estimate]:
    found = [balanced_accuracy(of, labelled, level) for level, of in enumerate(shares["true_positive_rate"])]
    for level, estimate in enumerate(found):
        ledger.add("balanced_accuracy", estimate, slice=groups.where(level), unit="proportion")
    return found


def _gaps(
    ledger: Ledger,
    groups: _Groups,
    labelled: Labelled,
    shares: ClassShares,
    pair: tuple[int, int],
    *,
    generator: np.random.Generator,
    resamples: int,
) -> None:
    level, reference = pair
    rows, where, versus = labelled.sides(level, reference), groups.where(level), groups.where(reference)
    n = min(sum(share.rows for share in shares["true_positive_rate"][side]) for side in pair)
    for name in RATES:
        sides = shares[name][level], shares[name][reference]
        gap = macro_gap(rows, sides, name, generator=generator, resamples=resamples)
        ledger.add(f"macro_{name}_gap", gap, slice=where, versus=versus, unit="proportion", n=n)
    rates = shares["true_positive_rate"]
    difference = balanced_accuracy_difference((rates[level], rates[reference]), rows)
    ledger.add("balanced_accuracy_difference", difference, slice=where, versus=versus, unit="proportion", n=n)


def _heat_map(title: str, rows: Rows, groups: _Groups, table: list[list[float | None]]) -> list[Chart]:
    """A heat map of values by [class][level], levels downwards."""
    classes = rows.facts.classes
    if len(classes) > MOST_CHARTED:
        return []
    values = [[of[level] for of in table] for level in range(len(groups.levels))]
    return [HeatMap(title=title, rows=list(groups.levels), columns=list(classes), values=values, x_label="class", unit="proportion")]


def _bars(title: str, groups: _Groups, found: list[Estimate]) -> list[BarChart]:
    return estimate_bars(title=title, categories=groups.levels, estimates=found, x_label="balanced accuracy")
