"""The check `fairness.labels`: what the labels say of each group before any network has seen them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.facts import LABEL_WORDS
from audit.ledger import Ledger
from audit.methods.fairness.comparisons import FEWEST_COMPARED, compare
from audit.methods.fairness.divergences import DIVERGENCES, class_counts, divergences
from audit.methods.statistics.group_shares import group_shares, one_share
from audit.methods.statistics.intervals import Interval, Undefined
from audit.methods.statistics.proportions import Share, proportion_interval
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence, Slice
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

UNITS = {
    "kl_from_reference": "nats",
    "kl_to_reference": "nats",
    "jensen_shannon": "nats",
    "total_variation": "proportion",
    "largest_class_gap": "proportion",
}
"""Units of divergences; the Euclidean distance has none."""
RESAMPLES = 500
"""Draws for each interval and each mean by chance."""


@dataclass(frozen=True)
class _Attribute:
    """The groups of one attribute, and the position of the reference."""

    name: str
    levels: tuple[str, ...]
    codes: NDArray[np.int64]
    reference: int

    def slice(self, level: int) -> Slice:
        return {self.name: self.levels[level]}

    @property
    def versus(self) -> Slice:
        return self.slice(self.reference)

    @property
    def others(self) -> list[int]:
        return [level for level in range(len(self.levels)) if level != self.reference]


@check(
    title="Labels by group",
    topics=("fairness", "data_quality", "label_bias"),
    measures=(
        "group_imbalance",
        "label_rate",
        "label_rate_difference",
        "label_rate_ratio",
        *DIVERGENCES,
        *(f"{name}_by_chance" for name in DIVERGENCES),
    ),
    reads=(),
    needs={"groups", "labels"},
    tasks={"binary", "multiclass", "anomaly"},
)
def labels(rows: Rows, *, most_classes: int = 20) -> Evidence:
    """Do the labels themselves differ between groups?

    Why it matters:
        A network learns what its labels say. Where favourable labels are rarer in one group, an accurate network decides against that group
        more often, and where a group has few rows its errors weigh little in the average.

    How to read it:
        The group imbalance is the reference's rows less the group's, over both: 0 for equal numbers, near 1 for a group that is hardly there.
        The label rate is the share of favourable labels; its difference is the group's minus the reference's, so a negative one means
        fewer favourable labels in the group (the difference in proportions of labels of other tools often has the opposite sign), and the
        ratio is the group's over the reference's. With more than two classes, divergences compare the whole distribution of labels: total
        variation is the share of rows that would need another label; the largest class gap is the largest difference of one class, not of
        cumulative shares; kl_from_reference is the surprise, in nats, of someone who expects the reference's labels and meets the
        group's, kl_to_reference the other way round. Neither exists where a class of one side is missing from the other. Divergences are
        never negative and come out positive by chance alone: beside each stands the mean it would have by chance if both groups were alike.

    What it cannot show:
        Whether a difference in labels comes from the world, from how labels were made, or from who was recorded. Equal label rates do not
        make labels right.

    References:
        Feldman et al. 2015, arXiv:1412.3756
        Hardt et al. 2021, Amazon SageMaker Clarify, arXiv:2109.03285
        Kullback & Leibler 1951, doi:10.1214/aoms/1177729694
        Lin 1991, doi:10.1109/18.61115
        Rao & Scott 1984, doi:10.1214/aos/1176346391
    """
    ledger, design, charts = Ledger(census=rows.facts.census), row_design(rows), []
    known = rows.labels >= 0
    notes = [
        LABEL_WORDS[rows.facts.label_kind],
        *(note for note in (rows.facts.selected_words, design.note) if note),
        *_notes(rows, known, most_classes),
    ]
    for spec in rows.facts.groups:
        codes = rows.group(spec.name).codes.astype(np.int64)
        reference = reference_group(rows, spec.name, np.bincount(codes[codes >= 0], minlength=len(spec.levels)).tolist())
        if reference is None:
            ledger.absent("label_rate", "Membership is unknown for every row.", rows.n, at={"attribute": spec.name})
            continue
        notes.append(reference_note(rows, spec.name, reference))
        held = _Attribute(spec.name, spec.levels, codes, reference)
        _imbalance(ledger, held, design)
        charts += _rates(ledger, rows, held, known, design=design, most_classes=most_classes)
        if rows.facts.task == "multiclass":
            charts += _divergences(ledger, rows, held, design)
    return ledger.evidence(charts, tuple(dict.fromkeys(notes)))


def _notes(rows: Rows, known: NDArray[np.bool_], most_classes: int) -> list[str]:
    notes = []
    if not known.all():
        notes.append(f"{int((~known).sum()):,} rows have no known label and count only towards the group imbalance.")
    if not rows.facts.positive:
        notes.append("No class was declared favourable, so the rate of each class is shown.")
        if len(rows.facts.classes) > most_classes:
            notes.append(f"There are {len(rows.facts.classes):,} classes, more than {most_classes}: rates of single classes are left out.")
    return notes


def _imbalance(ledger: Ledger, held: _Attribute, design: RowDesign) -> None:
    for level in held.others:
        both = (held.codes == level) | (held.codes == held.reference)
        share = one_share(held.codes == held.reference, base=both, weights=design.weights, clusters=design.clusters)
        found = proportion_interval(share)
        if isinstance(found, Interval):
            method = f"2 p - 1 of the reference's share p of both; {found.method}"
            found = Interval(2 * found.value - 1, 2 * found.low - 1, 2 * found.high - 1, found.n, method)
        reference = int(share.successes)
        counts = {"reference_rows": reference, "rows": share.rows - reference} if share.exact else None
        ledger.add("group_imbalance", found, slice=held.slice(level), versus=held.versus, counts=counts)


def _outcomes(rows: Rows, most_classes: int) -> list[tuple[NDArray[np.bool_], Mapping[str, str]]]:
    """The label counted as favourable; each class in turn when none is."""
    if rows.facts.positive:
        return [(np.isin(rows.labels, rows.facts.positive), {})]
    classes = rows.facts.classes if len(rows.facts.classes) <= most_classes else ()
    return [(rows.labels == position, {"class": name}) for position, name in enumerate(classes)]


def _rates(ledger: Ledger, rows: Rows, held: _Attribute, known: NDArray[np.bool_], *, design: RowDesign, most_classes: int) -> list[BarChart]:
    charts: list[BarChart] = []
    for favourable, at in _outcomes(rows, most_classes):
        shares = group_shares(favourable, held.codes, len(held.levels), base=known, weights=design.weights, clusters=design.clusters)
        for level, share in enumerate(shares):
            counts = {"favourable": int(share.successes), "labelled": share.rows} if share.exact and share.rows else None
            ledger.add("label_rate", _rate(share), slice=held.slice(level), at=at, unit="proportion", counts=counts)
        for level in held.others:
            found, where = compare(shares[level], shares[held.reference]), held.slice(level)
            ledger.add("label_rate_difference", found.difference, slice=where, versus=held.versus, at=at, unit="proportion", n=found.rows)
            ledger.add("label_rate_ratio", found.ratio, slice=where, versus=held.versus, at=at, unit="ratio", n=found.rows)
        title = f"Label rate by {held.name}" + (f", class {at['class']}" if at else "")
        words = "share of labels" if at else "share of favourable labels"
        charts += estimate_bars(title=title, categories=held.levels, estimates=list(map(_rate, shares)), x_label=words)
    return charts


def _rate(share: Share) -> Interval | Undefined:
    return proportion_interval(share) if share.total > 0 else Undefined("There are no rows with a known label.", share.rows)


def _divergences(ledger: Ledger, rows: Rows, held: _Attribute, design: RowDesign) -> list[BarChart]:
    size, generator = len(rows.facts.classes), rows.generator(f"fairness.labels {held.name}")
    counts = class_counts(rows.labels, held.codes, classes=size, groups=len(held.levels), weights=design.weights, clusters=design.clusters)
    shown: dict[str, Interval] = {}
    for level in held.others:
        n = min(counts[level].rows, counts[held.reference].rows)
        if n < FEWEST_COMPARED:
            for name in DIVERGENCES:
                reason = f"There are {n} rows with a label on the smaller side, too few to compare (at least {FEWEST_COMPARED})."
                ledger.absent(name, reason, n, slice=held.slice(level), versus=held.versus)
            continue
        for name, apart in divergences(counts[level], counts[held.reference], generator=generator, resamples=RESAMPLES).items():
            where, unit = held.slice(level), UNITS.get(name, "")
            ledger.add(name, apart.estimate, slice=where, versus=held.versus, unit=unit)
            method = f"mean over {RESAMPLES} draws of both groups from their pooled distribution"
            if isinstance(apart.by_chance, Undefined):
                ledger.absent(f"{name}_by_chance", apart.by_chance.reason, n, slice=where, versus=held.versus)
            else:
                ledger.exact(f"{name}_by_chance", apart.by_chance, n, slice=where, versus=held.versus, unit=unit, method=method)
            if name == "total_variation" and isinstance(apart.estimate, Interval):
                shown[held.levels[level]] = apart.estimate
    title = f"Total variation of labels from {held.levels[held.reference]} by {held.name}"
    return estimate_bars(title=title, categories=list(shown), estimates=list(shown.values()), x_label="total variation")
