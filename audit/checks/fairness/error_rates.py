"""The check `fairness.error_rates`: how often the network is wrong about each group, and in which direction."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from audit.chart_kinds import BarChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.facts import LABEL_WORDS
from audit.ledger import Ledger
from audit.methods.fairness.comparisons import compare
from audit.methods.fairness.counts import EMPTY
from audit.methods.fairness.rates import RateMask, rate_masks
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.intervals import Interval, Undefined
from audit.methods.statistics.proportions import Share, proportion_interval
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows
from audit.witness import Reference

RATES = (
    "accuracy",
    "true_positive_rate",
    "false_negative_rate",
    "false_positive_rate",
    "true_negative_rate",
    "positive_predictive_value",
    "negative_predictive_value",
    "false_discovery_rate",
    "false_omission_rate",
)
CHARTED = ("accuracy", "true_positive_rate", "false_positive_rate")
"""Rates drawn for each attribute; the others are in the table, where they do not bury these."""


@check(
    title="Error rates by group",
    topics=("fairness", "error_rates", "equal_opportunity", "equalized_odds"),
    measures=RATES + tuple(f"{name}_{kind}" for kind in ("difference", "ratio") for name in RATES),
    needs={"groups", "labels"},
    tasks={"binary", "multiclass", "anomaly"},
)
def error_rates(rows: Rows) -> Evidence:
    """Is the network wrong about some groups more often than about others?

    Why it matters:
        Two groups can be selected at the same rate while the mistakes fall on one of them: its deserving members are refused, or its
        members are wrongly accused. Those affected feel the errors, not the average.

    How to read it:
        Each rate is computed inside one group, against that group's own rows. The true positive rate is the share of people with a
        favourable label who get the favourable decision; its difference from the reference group is also called the equal opportunity
        difference. True and false positive rates together make equalized odds; both differences are shown with their own intervals.
        Predictive values say how far a decision can be relied on. Differences are group minus reference, ratios group over reference. A group
        without positives has no true positive rate: it is listed as not estimated, never as 0. The reference is the declared group, else
        the largest.

    What it cannot show:
        Errors in the labels themselves. Where labels are past decisions, a network that repeats old injustice looks accurate. When groups
        differ in how often the label is favourable, not all of these rates can be equal at once, so which one matters must be argued.

    References:
        Hardt, Price & Srebro 2016, arXiv:1610.02413
        Chouldechova 2017, doi:10.1089/big.2016.0047
        Kleinberg, Mullainathan & Raghavan 2016, arXiv:1609.05807
    """
    ledger, design, charts = Ledger(census=rows.facts.census), row_design(rows), []
    masks = _masks(rows)
    notes = [LABEL_WORDS[rows.facts.label_kind], *(note for note in (rows.facts.selected_words, design.note) if note)]
    unknown = int((rows.labels < 0).sum())
    if unknown:
        notes.append(f"{unknown:,} rows have no known label and are left out.")
    for spec in rows.facts.groups:
        codes = rows.group(spec.name).codes
        reference = reference_group(rows, spec.name, np.bincount(codes[codes >= 0], minlength=len(spec.levels)).tolist())
        for name, mask in masks.items():
            charts += _write(ledger, rows, spec.name, name=name, mask=mask, design=design, reference=reference)
        notes += [note for note in (reference_note(rows, spec.name, reference),) if note]
    return ledger.evidence(charts, notes)


@error_rates.witness("fairlearn")
def by_fairlearn(rows: Rows, evidence: Evidence) -> Reference:
    """The rates of all groups by fairlearn."""
    from audit.witnesses.by_fairlearn import fairlearn_rates  # noqa: PLC0415  takes a second to load

    return fairlearn_rates(rows, evidence)


def _masks(rows: Rows) -> Mapping[str, RateMask]:
    labels, decisions = rows.labels, rows.decisions
    known = labels >= 0
    accuracy = {"accuracy": RateMask(known, labels == decisions)}
    if not rows.facts.positive:
        return accuracy
    favourable = np.isin(labels, rows.facts.positive)
    return rate_masks(favourable, rows.selected, known) | accuracy


def _write(ledger: Ledger, rows: Rows, attribute: str, *, name: str, mask: RateMask, design: RowDesign, reference: int | None) -> list[BarChart]:
    held = rows.group(attribute)
    shares = group_shares(mask.hits, held.codes, len(held.levels), base=mask.base, weights=design.weights, clusters=design.clusters)
    for level, share in zip(held.levels, shares, strict=True):
        counts = {"hits": int(share.successes), "base": share.rows} if share.exact and share.rows else None
        ledger.add(name, _rate(share, name), slice={attribute: level}, unit="proportion", counts=counts)
    for i, share in enumerate(shares):
        if reference is not None and i != reference:
            empty = next((one for one in (share, shares[reference]) if one.rows == 0), None)
            comparison = compare(share, shares[reference])
            nothing = None if empty is None else Undefined(f"There are no {EMPTY[name]} on one side.", 0)
            where, versus = {attribute: held.levels[i]}, {attribute: held.levels[reference]}
            gap, quotient = nothing or comparison.difference, nothing or comparison.ratio
            ledger.add(f"{name}_difference", gap, slice=where, versus=versus, unit="proportion", n=comparison.rows)
            ledger.add(f"{name}_ratio", quotient, slice=where, versus=versus, unit="ratio", n=comparison.rows)
    return _chart(attribute, held.levels, shares, name) if name in CHARTED else []


def _rate(share: Share, name: str) -> Interval | Undefined:
    return proportion_interval(share) if share.total > 0 else Undefined(f"There are no {EMPTY[name]}.", share.rows)


def _chart(attribute: str, levels: tuple[str, ...], shares: list[Share], name: str) -> list[BarChart]:
    words, held = name.replace("_", " "), [_rate(share, name) for share in shares]
    return estimate_bars(title=f"{words.capitalize()} by {attribute}", categories=levels, estimates=held, x_label=words)
