"""The check `fairness.equalized_odds`: whether the network is equally right about the favourable and equally wrong about the unfavourable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audit.chart_kinds import BarChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.facts import LABEL_WORDS
from audit.ledger import Ledger
from audit.methods.fairness.combined import largest_size, mean_size, smallest_ratio, spread, weighted_sum
from audit.methods.fairness.comparisons import FEWEST_COMPARED, compare
from audit.methods.fairness.counts import EMPTY
from audit.methods.fairness.rates import RateMask, rate_masks
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.intervals import Estimate, Interval, Undefined
from audit.methods.statistics.proportions import Share, proportion_interval
from audit.methods.statistics.simultaneous import bonferroni
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

PAIR = ("true_positive_rate", "false_positive_rate")


@dataclass(frozen=True)
class _Groups:
    """The shares of both rates in every level of one attribute."""

    attribute: str
    levels: tuple[str, ...]
    shares: Mapping[str, Sequence[Share]]
    reference: int | None

    def rate(self, name: str, level: int, *, comparisons: int = 1) -> Estimate:
        """One rate, at a level that holds for so many at once; Undefined for an empty denominator."""
        share = self.shares[name][level]
        if share.rows < FEWEST_COMPARED:
            return Undefined(f"There are {share.rows or 'no'} {EMPTY[name]}, too few to compare (at least {FEWEST_COMPARED}).", share.rows)
        return proportion_interval(share, confidence=bonferroni(0.95, comparisons))


@check(
    title="Equalized odds",
    topics=("fairness", "error_rates", "equal_opportunity", "equalized_odds"),
    measures=(
        "true_positive_rate_difference",
        "false_positive_rate_difference",
        "equalized_odds_difference",
        "average_odds_difference",
        "average_absolute_odds_difference",
        "largest_true_positive_rate_gap",
        "largest_false_positive_rate_gap",
        "largest_equalized_odds_gap",
        "equalized_odds_ratio",
    ),
    needs={"groups", "labels"},
    tasks={"binary", "anomaly"},
)
def equalized_odds(rows: Rows) -> Evidence:
    """Are people with the same label decided alike, whatever their group?

    Why it matters:
        Equalized odds asks that among those whose label is favourable every group has the same chance of the favourable decision, and that
        among the others every group has the same chance of it too. The first alone is called equal opportunity. Where it fails, the cost of
        the network's mistakes falls on some groups more than on others.

    How to read it:
        Both differences from the reference group are shown apart, each with its own interval: group minus reference, 0 for equal. Their
        larger size is the equalized odds difference, their mean the average odds difference (which two opposite errors can hide) and the
        mean of their sizes the average absolute odds difference. The largest gaps compare the highest with the lowest group and depend on
        no reference; the equalized odds ratio is the smaller of both ratios of lowest to highest rate, 1 for equal. A size is never below 0,
        so its interval rests on intervals of its parts that hold together: it includes 0 when the parts may be equal.

    What it cannot show:
        Whether the labels are right. Where they are past decisions, equal odds mean that old decisions are repeated equally well in all
        groups. A group without favourable labels has no true positive rate: then the number is absent, never 0.

    References:
        Hardt, Price & Srebro 2016, arXiv:1610.02413
        Bellamy et al. 2018, AI Fairness 360, arXiv:1810.01943
        Zou & Donner 2008, doi:10.1002/sim.3095
    """
    ledger, design, charts = Ledger(census=rows.facts.census), row_design(rows), []
    masks = rate_masks(np.isin(rows.labels, rows.facts.positive), rows.selected, rows.labels >= 0)
    notes = [LABEL_WORDS[rows.facts.label_kind], *(note for note in (rows.facts.selected_words, design.note) if note)]
    for spec in rows.facts.groups:
        groups = _groups(rows, spec.name, masks, design)
        notes += [note for note in (reference_note(rows, spec.name, groups.reference),) if note]
        _against_reference(ledger, groups)
        notes += _over_all(ledger, groups)
        charts += _charts(groups)
    return ledger.evidence(charts, notes)


def _groups(rows: Rows, attribute: str, masks: Mapping[str, RateMask], design: RowDesign) -> _Groups:
    held = rows.group(attribute)
    shares = {
        name: group_shares(masks[name].hits, held.codes, len(held.levels), base=masks[name].base, weights=design.weights, clusters=design.clusters)
        for name in PAIR
    }
    sizes = np.bincount(held.codes[held.codes >= 0], minlength=len(held.levels)).tolist()
    return _Groups(attribute, held.levels, shares, reference_group(rows, attribute, sizes))


def _against_reference(ledger: Ledger, groups: _Groups) -> None:
    for level in range(len(groups.levels)):
        if groups.reference is None or level == groups.reference:
            continue
        where, versus = {groups.attribute: groups.levels[level]}, {groups.attribute: groups.levels[groups.reference]}
        known = [min(groups.shares[name][position].rows for position in (level, groups.reference)) for name in PAIR]
        plain = [_difference(groups, name, level, 0.95) for name in PAIR]
        joint = [_difference(groups, name, level, bonferroni(0.95, 2)) for name in PAIR]
        combined = {
            "true_positive_rate_difference": plain[0],
            "false_positive_rate_difference": plain[1],
            "equalized_odds_difference": largest_size(joint, what="larger size of both differences"),
            "average_odds_difference": weighted_sum(plain, (0.5, 0.5), what="mean of both differences"),
            "average_absolute_odds_difference": mean_size(joint, what="mean size of both differences"),
        }
        for name, n in zip(combined, (*known, *[min(known)] * 3), strict=True):
            ledger.add(name, combined[name], slice=where, versus=versus, unit="proportion", n=n)


def _difference(groups: _Groups, name: str, level: int, confidence: float) -> Estimate:
    one, other = groups.shares[name][level], groups.shares[name][groups.reference or 0]
    if min(one.rows, other.rows) == 0:
        return Undefined(f"There are no {EMPTY[name]} on one side.", 0)
    return compare(one, other, confidence=confidence).difference


def _over_all(ledger: Ledger, groups: _Groups) -> list[str]:
    """Gaps between the highest and the lowest group; returns which groups are in none of them."""
    levels = range(len(groups.levels))
    known = {name: [level for level in levels if groups.shares[name][level].rows >= FEWEST_COMPARED] for name in PAIR}
    rates = {name: [groups.rate(name, level, comparisons=sum(map(len, known.values()))) for level in known[name]] for name in PAIR}
    gaps = [spread(rates[name], what="largest less smallest rate") for name in PAIR]
    ratios = [smallest_ratio(rates[name], what="smallest over largest rate") for name in PAIR]
    at = {"attribute": groups.attribute}
    for name, gap in zip(("largest_true_positive_rate_gap", "largest_false_positive_rate_gap"), gaps, strict=True):
        ledger.add(name, gap, at=at, unit="proportion")
    ledger.add("largest_equalized_odds_gap", largest_size(gaps, what="larger of both gaps"), at=at, unit="proportion")
    ledger.add("equalized_odds_ratio", _smaller(ratios), at=at)
    left = {name: [groups.levels[level] for level in levels if level not in known[name]] for name in PAIR}
    return [
        f"{groups.attribute}: the largest {name.replace('_', ' ')} gap leaves out {', '.join(out[:10])}{' and others' if len(out) > 10 else ''}, "
        f"with fewer than {FEWEST_COMPARED} {EMPTY[name]}."
        for name, out in left.items()
        if out
    ]


def _smaller(parts: Sequence[Estimate]) -> Estimate:
    """The smaller of two ratios, with the interval that contains it when both intervals hold."""
    missing = next((part for part in parts if isinstance(part, Undefined)), None)
    if missing is not None:
        return missing
    held = [part for part in parts if not isinstance(part, Undefined)]
    least = min(held, key=lambda part: part.value)
    ends = min(part.low for part in held), min(part.high for part in held)
    return Interval(least.value, *ends, least.n, "smaller of both ratios, interval from those of its parts")


def _charts(groups: _Groups) -> list[BarChart]:
    charts: list[BarChart] = []
    for name in PAIR:
        words, found = name.replace("_", " "), [groups.rate(name, level) for level in range(len(groups.levels))]
        charts += estimate_bars(title=f"{words.capitalize()} by {groups.attribute}", categories=groups.levels, estimates=found, x_label=words)
    return charts
