"""The check `fairness.acceptance`: how decisions relate to labels within each group, from the side of those decided about."""

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
from audit.methods.fairness.combined import odds, weighted_sum
from audit.methods.fairness.comparisons import FEWEST_COMPARED
from audit.methods.fairness.ratios import ratio_of_counts
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.intervals import Estimate, Undefined
from audit.methods.statistics.proportions import proportion_interval
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

Mask = NDArray[np.bool_]
UNITS: Mapping[str, str] = {
    "conditional_acceptance": "",
    "conditional_rejection": "",
    "treatment_equality": "",
    "positive_predictive_value": "proportion",
    "false_omission_rate": "proportion",
}
"""Quantity of each group to its unit; the ratios have none."""


@dataclass(frozen=True)
class _Masks:
    """Four kinds of rows with a known label, (n,) each."""

    label: Mask
    decision: Mask
    known: Mask


@check(
    title="Acceptance and rejection by group",
    topics=("fairness", "predictive_parity", "error_rates"),
    measures=(*UNITS, *(f"{name}_difference" for name in UNITS), "average_predictive_value_difference"),
    needs={"groups", "labels"},
    tasks={"binary"},
)
def acceptance(rows: Rows) -> Evidence:
    """Does a favourable or unfavourable decision mean the same in every group?

    Why it matters:
        If fewer of one group's favourable decisions are borne out, or more of its deserving members are refused for each undeserving one
        accepted, the same word "accepted" hides different standards.

    How to read it:
        Conditional acceptance is the number of favourable labels over the number of favourable decisions; above 1 the group is accepted
        less often than its labels say, and conditional rejection is the same for the unfavourable. Treatment equality is the number of false
        negatives for each false positive: how errors fall. The positive predictive value is the share of favourable decisions with a
        favourable label (equal values are called predictive parity); the false omission rate is the share of unfavourable decisions with a
        favourable label. All differences are group minus reference. The average predictive value difference is the mean of the last two.

    What it cannot show:
        Whether the labels are right, and what those refused would have done: labels of people who were never accepted are often guesses.

    References:
        Chouldechova 2017, doi:10.1089/big.2016.0047
        Berk et al. 2021, doi:10.1177/0049124118782533
        Bellamy et al. 2018, AI Fairness 360, arXiv:1810.01943
    """
    ledger, design, charts = Ledger(census=rows.facts.census), row_design(rows), []
    masks = _Masks(np.isin(rows.labels, rows.facts.positive), rows.selected, rows.labels >= 0)
    notes = [LABEL_WORDS[rows.facts.label_kind], *([design.note] if design.note else [])]
    for spec in rows.facts.groups:
        codes = np.where(masks.known, rows.group(spec.name).codes, -1)
        sizes = np.bincount(codes[codes >= 0], minlength=len(spec.levels)).tolist()
        reference = reference_group(rows, spec.name, sizes)
        notes += [note for note in (reference_note(rows, spec.name, reference),) if note]
        found = [_quantities(codes == level, masks, design) for level in range(len(spec.levels))]
        _write(ledger, spec.name, spec.levels, found=found, sizes=sizes, reference=reference)
        charts += _charts(spec.name, spec.levels, found)
    return ledger.evidence(charts, notes)


def _quantities(mine: Mask, masks: _Masks, design: RowDesign) -> dict[str, Estimate]:
    held = design.of(mine)
    label, decision = masks.label[mine], masks.decision[mine]
    wrong = label != decision

    def share(base: Mask, hits: Mask, empty: str) -> Estimate:
        found = group_shares(hits, np.zeros(len(hits), dtype=np.int64), 1, base=base, weights=held.weights, clusters=held.clusters)[0]
        return proportion_interval(found) if found.rows else Undefined(f"There are no {empty}.", 0)

    def ratio(over: Mask, under: Mask, empty: str) -> Estimate:
        found = ratio_of_counts(over, under, weights=held.weights, clusters=held.clusters)
        return Undefined(f"There are no {empty} to divide by.", len(over)) if not under.any() else found

    return {
        "conditional_acceptance": ratio(label, decision, "favourable decisions"),
        "conditional_rejection": ratio(~label, ~decision, "unfavourable decisions"),
        "treatment_equality": odds(share(wrong, label, "errors"), what="false negatives for each false positive,"),
        "positive_predictive_value": share(decision, label, "favourable decisions"),
        "false_omission_rate": share(~decision, label, "unfavourable decisions"),
    }


def _write(
    ledger: Ledger, attribute: str, levels: tuple[str, ...], *, found: list[dict[str, Estimate]], sizes: list[int], reference: int | None
) -> None:
    for level, quantities in zip(levels, found, strict=True):
        for name, estimate in quantities.items():
            ledger.add(name, estimate, slice={attribute: level}, unit=UNITS[name])
    for position, quantities in enumerate(found):
        if reference is None or position == reference:
            continue
        where, versus = {attribute: levels[position]}, {attribute: levels[reference]}
        n = min(sizes[position], sizes[reference])
        few = Undefined(f"One side has {n} rows, too few to compare (at least {FEWEST_COMPARED}).", n) if n < FEWEST_COMPARED else None
        gaps = {name: few or weighted_sum((quantities[name], found[reference][name]), (1, -1), what="difference") for name in UNITS}
        for name, gap in gaps.items():
            ledger.add(f"{name}_difference", gap, slice=where, versus=versus, unit=UNITS[name], n=n)
        pair = ("positive_predictive_value", "false_omission_rate")
        parts = [side[name] for name in pair for side in (quantities, found[reference])]
        average = few or weighted_sum(parts, (0.5, -0.5, 0.5, -0.5), what="mean of both differences")
        ledger.add("average_predictive_value_difference", average, slice=where, versus=versus, unit="proportion", n=n)


def _charts(attribute: str, levels: tuple[str, ...], found: list[dict[str, Estimate]]) -> list[BarChart]:
    return estimate_bars(
        title=f"Share of favourable decisions with a favourable label, by {attribute}",
        categories=levels,
        estimates=[quantities["positive_predictive_value"] for quantities in found],
        x_label="positive predictive value",
    )
