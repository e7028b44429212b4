"""The check `fairness.multilabel`: which of several labels each group is given, and how often rightly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audit.chart_kinds import Chart, HeatMap
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.facts import LABEL_WORDS
from audit.ledger import Ledger
from audit.methods.fairness.several_labels import exact_difference, hamming_difference, label_difference, label_gaps, macro_difference
from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.label_intervals import exact_interval, hamming_interval, label_interval, macro_interval
from audit.methods.statistics.label_rates import RATES, LabelRows
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence
from audit.row_design import row_design
from audit.rows import Rows

MOST_CHARTED = 30
"""Labels up to which a heat map is drawn."""
PER_ROW = {
    "exact_match": ("share of rows with all labels right", exact_interval, exact_difference),
    "hamming_loss": ("share of labels decided wrongly", hamming_interval, hamming_difference),
}


@dataclass(frozen=True)
class _Group:
    """The rows of one level of an attribute."""

    where: dict[str, str]
    rows: LabelRows
    n: int


@check(
    title="Several labels by group",
    topics=("fairness", "error_rates", "demographic_parity", "equalized_odds", "multilabel"),
    measures=(
        *RATES,
        *(f"{name}_difference" for name in RATES),
        *(f"macro_{name}" for name in RATES),
        *(f"macro_{name}_difference" for name in RATES),
        *(f"macro_{name}_gap" for name in RATES),
        *(f"largest_{name}_gap" for name in RATES),
        *PER_ROW,
        *(f"{name}_difference" for name in PER_ROW),
    ),
    needs={"groups"},
    tasks={"multilabel"},
)
def multilabel(rows: Rows) -> Evidence:
    """Are groups given the labels in different shares, and is the network more often wrong about some of them?

    Why it matters:
        Where a row may carry several labels, a group can be over-flagged by one label and overlooked by another while every total looks
        alike.

    How to read it:
        Each label is a decision of its own: the decision rate is the share of a group's decided rows that are given it, the true positive
        rate the share of those who carry it, the false positive rate the share of those who do not, the predictive value the share of those
        given it who carry it, and F1 the harmonic mean of true positive rate and predictive value. Macro numbers are means over the labels,
        so that a rare label counts as much as a frequent one. The macro gap is the mean, the largest gap the largest size of the difference
        from the reference over the labels; both are above 0 by chance alone, and their intervals reach 0 when all labels may be alike. A row
        matches exactly when all its labels are right; the Hamming loss is the share of labels that are wrong.

    What it cannot show:
        Which labels are better for a person, whether the labels are right, and why groups differ. A label that never occurs in a group has
        no rate there, and then no mean over the labels is shown.

    References:
        Sorower 2010, A literature survey on algorithms for multi-label learning, Oregon State University
        Hardt, Price & Srebro 2016, arXiv:1610.02413
        Binder 1983, doi:10.2307/1402588
    """
    ledger, design, charts = Ledger(census=rows.facts.census), row_design(rows), []
    labels = rows.label_matrix if rows.facts.labels else None
    everyone = LabelRows(labels, rows.decision_matrix, design.weights, design.clusters)
    notes = [*([LABEL_WORDS[rows.facts.label_kind]] if labels is not None else []), *([design.note] if design.note else []), *_left_out(everyone)]
    for spec in rows.facts.groups:
        codes = rows.group(spec.name).codes
        sizes = np.bincount(codes[codes >= 0], minlength=len(spec.levels))
        groups = [_Group({spec.name: level}, everyone.of(codes == place), int(sizes[place])) for place, level in enumerate(spec.levels)]
        reference = reference_group(rows, spec.name, sizes.tolist())
        notes += [note for note in (reference_note(rows, spec.name, reference),) if note]
        for name in RATES if labels is not None else RATES[:1]:
            table = _rate(ledger, name, groups, reference, rows.facts.classes)
            charts += _heat_map(name, spec.name, spec.levels, rows.facts.classes, table)
        if labels is not None:
            charts += _whole_rows(ledger, groups, reference, spec.name)
    if labels is None:
        ledger.absent("exact_match", "No label columns were declared, so no decision is right or wrong.", rows.n)
    return ledger.evidence(charts, notes)


def _left_out(everyone: LabelRows) -> list[str]:
    notes, refused = [], int((everyone.decisions < 0).any(axis=1).sum())
    if refused:
        notes.append(
            f"{refused:,} rows have no decision because their output was not finite; they are in no decision rate, and count as not recognised."
        )
    if everyone.labels is not None and (everyone.labels < 0).any():
        unknown = int((everyone.labels < 0).sum())
        notes.append(f"{unknown:,} labels are unknown and left out of what compares with them; such rows match exactly in nothing.")
    return notes


def _rate(ledger: Ledger, name: str, groups: Sequence[_Group], reference: int | None, classes: Sequence[str]) -> list[list[float | None]]:
    """Write one rate of all labels and groups, and the differences; returns the values by [label][group]."""
    table: list[list[float | None]] = []
    for label, called in enumerate(classes):
        found = [label_interval(group.rows, name, label) for group in groups]
        for group, estimate in zip(groups, found, strict=True):
            ledger.add(name, estimate, slice=group.where, at={"label": called}, unit="proportion")
        table.append([one.value if isinstance(one, Interval) else None for one in found])
    for group in groups:
        ledger.add(f"macro_{name}", macro_interval(group.rows, name), slice=group.where, unit="proportion")
    if reference is not None:
        for place, group in enumerate(groups):
            if place != reference:
                _differences(ledger, name, group, groups[reference], classes)
    return table


def _differences(ledger: Ledger, name: str, group: _Group, reference: _Group, classes: Sequence[str]) -> None:
    where, versus, n = group.where, reference.where, min(group.n, reference.n)
    for label, called in enumerate(classes):
        gap = label_difference(group.rows, reference.rows, name, label)
        ledger.add(f"{name}_difference", gap, slice=where, versus=versus, at={"label": called}, unit="proportion", n=n)
    difference = macro_difference(group.rows, reference.rows, name)
    ledger.add(f"macro_{name}_difference", difference, slice=where, versus=versus, unit="proportion", n=n)
    mean, largest = label_gaps(group.rows, reference.rows, name)
    ledger.add(f"macro_{name}_gap", mean, slice=where, versus=versus, unit="proportion", n=n)
    ledger.add(f"largest_{name}_gap", largest, slice=where, versus=versus, unit="proportion", n=n)


def _whole_rows(ledger: Ledger, groups: Sequence[_Group], reference: int | None, attribute: str) -> list[Chart]:
    charts: list[Chart] = []
    for name, (words, interval, difference) in PER_ROW.items():
        found = [interval(group.rows) for group in groups]
        for place, (group, estimate) in enumerate(zip(groups, found, strict=True)):
            ledger.add(name, estimate, slice=group.where, unit="proportion")
            if reference is not None and place != reference:
                other = groups[reference]
                gap = difference(group.rows, other.rows)
                ledger.add(f"{name}_difference", gap, slice=group.where, versus=other.where, unit="proportion", n=min(group.n, other.n))
        levels = [group.where[attribute] for group in groups]
        charts += estimate_bars(title=f"{words.capitalize()}, by {attribute}", categories=levels, estimates=found, x_label=words)
    return charts


def _heat_map(name: str, attribute: str, levels: Sequence[str], classes: Sequence[str], table: list[list[float | None]]) -> list[Chart]:
    """A heat map of values by [label][group], groups downwards; of the first two rates only, the others stand in the table."""
    if len(classes) > MOST_CHARTED or name not in RATES[:2]:
        return []
    title = f"{name.replace('_', ' ').capitalize()} of each label by {attribute}"
    values = [[of[place] for of in table] for place in range(len(levels))]
    return [HeatMap(title=title, rows=list(levels), columns=list(classes), values=values, x_label="label", unit="proportion")]
