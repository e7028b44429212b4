"""The check `fairness.selection_rates`: how often each group gets the favourable decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart, Mark
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.ledger import Ledger, family
from audit.methods.fairness.bounds import rate_bounds
from audit.methods.fairness.comparisons import Comparison, compare, highest_rate
from audit.methods.fairness.flips import flips_to_reverse, shortfall, smallest_detectable_ratio
from audit.methods.fairness.intersections import cross
from audit.methods.statistics.group_shares import group_shares, one_share
from audit.methods.statistics.intervals import Interval, Undefined
from audit.methods.statistics.proportions import Share, proportion_interval
from audit.methods.statistics.simultaneous import bonferroni, holm
from audit.results import Evidence, Slice
from audit.row_design import RowDesign, row_design
from audit.rows import Rows
from audit.witness import Reference


@dataclass(frozen=True)
class Groups:
    """Shares of the groups of one attribute, or of one pair of attributes, and the reference among them."""

    title: str
    slices: Sequence[Slice]
    shares: Sequence[Share]
    reference: int | None

    @property
    def others(self) -> list[int]:
        """Positions of the groups that are compared with the reference."""
        return [i for i in range(len(self.shares)) if self.reference is not None and i != self.reference and self.shares[i].rows > 0]


@check(
    title="Selection rates by group",
    topics=("fairness", "selection_rates", "disparate_impact", "intersectionality"),
    measures=(
        "selection_rate",
        "impact_ratio",
        "selection_rate_difference",
        "p_value",
        "p_value_holm",
        "flip_count",
        "shortfall",
        "smallest_detectable_ratio",
        "selection_rate_lower_bound",
        "selection_rate_upper_bound",
    ),
    needs={"groups"},
    tasks={"binary", "multiclass", "anomaly"},
)
def selection_rates(rows: Rows, *, pairs: bool = True, smallest_reference: int = 30, largest_pair: int = 400) -> Evidence:
    """Do all groups receive the favourable decision at similar rates?

    Why it matters:
        A network can favour one group without being given the group, because other inputs stand in for it. Where decisions open or close
        doors (a loan, a job, care), laws of several countries look first at how the rates of groups compare.

    How to read it:
        The selection rate is the share of a group that gets the favourable decision. The impact ratio divides it by the rate of the
        reference group: the declared one, else the group with the highest rate among those with enough rows. The interval tells how far
        the ratio could lie from what these rows show; a ratio far below 1 with an interval that reaches 1 is not yet evidence. The flip
        count says how few decisions would have to be exchanged to reverse the direction; the shortfall, how many more favourable decisions
        the group would have had at the reference rate; the smallest detectable ratio, what so few rows could have shown at all. Pairs of
        attributes are a search over many small groups: their intervals are widened so that all hold at once.

    What it cannot show:
        Whether a difference is justified, lawful or caused by the network rather than by the people it met. Equal rates can hide unequal
        errors, and unequal rates can be right where needs differ. Groups nobody recorded are invisible.

    References:
        29 CFR 1607.4(D), Uniform Guidelines on Employee Selection Procedures
        Newcombe 1998, Statistics in Medicine 17:873-890
        Koopman 1984, Biometrics 40:513-517, doi:10.2307/2531405
        Manski 1989, Journal of Human Resources 24:343-360, doi:10.2307/145818
    """
    ledger, design, charts = Ledger(census=rows.facts.census), row_design(rows), []
    notes = _notes(rows, design)
    for selected, at in _outcomes(rows):
        single = [_attribute(rows, name, selected, design, smallest_reference) for name in _names(rows)]
        for attribute in single:
            charts += _write_attribute(ledger, attribute, at)
            notes += _reference_note(rows, attribute)
        for name in _names(rows):
            _write_bounds(ledger, rows, name, selected, design, at=at)
        if pairs:
            notes += _write_pairs(ledger, rows, selected, design, at=at, smallest=smallest_reference, largest=largest_pair)
    return ledger.evidence(charts, tuple(dict.fromkeys(notes)))


@selection_rates.witness("fairlearn")
def by_fairlearn(rows: Rows, evidence: Evidence) -> Reference:
    """The rates of all groups by fairlearn."""
    from audit.witnesses.by_fairlearn import fairlearn_rates  # noqa: PLC0415  takes a second to load

    return fairlearn_rates(rows, evidence)


def _outcomes(rows: Rows) -> list[tuple[NDArray[np.bool_], Mapping[str, str]]]:
    """The decision counted as selected; each class in turn when none is favourable."""
    if rows.facts.positive:
        return [(rows.selected, {})]
    decisions = rows.decisions
    return [(decisions == position, {"class": name}) for position, name in enumerate(rows.facts.classes)]


def _names(rows: Rows) -> list[str]:
    return [spec.name for spec in rows.facts.groups]


def _attribute(rows: Rows, name: str, selected: NDArray[np.bool_], design: RowDesign, smallest: int) -> Groups:
    held, spec = rows.group(name), rows.group_spec(name)
    shares = group_shares(selected, held.codes, len(held.levels), weights=design.weights, clusters=design.clusters)
    declared = held.levels.index(spec.reference) if spec.reference in held.levels else None
    reference = declared if declared is not None else highest_rate(shares, fewest_rows=smallest)
    return Groups(name, [{name: level} for level in held.levels], shares, reference)


def _write_attribute(ledger: Ledger, groups: Groups, at: Mapping[str, str]) -> list[BarChart]:
    for where, share in zip(groups.slices, groups.shares, strict=True):
        _write_rate(ledger, share, where, at, comparisons=1)
    found = {i: compare(groups.shares[i], groups.shares[groups.reference or 0]) for i in groups.others}
    for i, comparison in found.items():
        _write_comparison(ledger, groups, i, comparison, comparison, at=at, comparisons=1)
        _write_counts(ledger, groups, i, at)
    _write_tests(ledger, groups, found, at)
    return _charts(groups, found, at)


def _write_rate(ledger: Ledger, share: Share, where: Slice, at: Mapping[str, str], *, comparisons: int) -> None:
    wide = family(proportion_interval(share, confidence=bonferroni(0.95, comparisons)), comparisons) if comparisons > 1 else None
    counts = {"selected": int(share.successes), "total": share.rows} if share.exact and share.rows else None
    ledger.add("selection_rate", proportion_interval(share), slice=where, at=at, unit="proportion", counts=counts, simultaneous=wide)


def _write_comparison(
    ledger: Ledger, groups: Groups, i: int, plain: Comparison, wide: Comparison, *, at: Mapping[str, str], comparisons: int
) -> None:
    where, versus, n = groups.slices[i], groups.slices[groups.reference or 0], plain.rows
    counts = _four_counts(groups.shares[i], groups.shares[groups.reference or 0])
    families = [family(estimate, comparisons) if comparisons > 1 else None for estimate in (wide.ratio, wide.difference)]
    ledger.add("impact_ratio", plain.ratio, slice=where, versus=versus, at=at, unit="ratio", counts=counts, simultaneous=families[0], n=n)
    ledger.add("selection_rate_difference", plain.difference, slice=where, versus=versus, at=at, unit="proportion", simultaneous=families[1], n=n)


def _four_counts(share: Share, reference: Share) -> dict[str, int] | None:
    if not (share.exact and reference.exact):
        return None
    return {
        "selected": int(share.successes),
        "total": share.rows,
        "reference_selected": int(reference.successes),
        "reference_total": reference.rows,
    }


def _write_counts(ledger: Ledger, groups: Groups, i: int, at: Mapping[str, str]) -> None:
    share, reference = groups.shares[i], groups.shares[groups.reference or 0]
    counts, n = _four_counts(share, reference), min(share.rows, reference.rows)
    where, versus = groups.slices[i], groups.slices[groups.reference or 0]
    if counts is not None:
        flips, missing = flips_to_reverse(*counts.values()), shortfall(share.successes, share.total, reference.value)
        ledger.exact("flip_count", flips, n, slice=where, versus=versus, at=at, unit="rows", method="one-for-one swaps that reverse the direction")
        ledger.exact(
            "shortfall", missing, n, slice=where, versus=versus, at=at, unit="rows", method="group rows at the reference rate, less selected"
        )
    smallest = smallest_detectable_ratio(share.total, reference.total, reference.value) if n else Undefined("There are no rows.", 0)
    method = "two-proportion test at 5 %, power 80 %"
    if isinstance(smallest, Undefined):
        ledger.absent("smallest_detectable_ratio", smallest.reason, n, slice=where, versus=versus, at=at)
    else:
        ledger.exact("smallest_detectable_ratio", smallest, n, slice=where, versus=versus, at=at, unit="ratio", method=method)


def _write_tests(ledger: Ledger, groups: Groups, found: Mapping[int, Comparison], at: Mapping[str, str]) -> None:
    tested = {i: c.p_value for i, c in found.items() if c.p_value is not None}
    adjusted = holm(np.array(list(tested.values()))) if tested else np.empty(0)
    for (i, p_value), corrected in zip(tested.items(), adjusted, strict=True):
        where, versus, n = groups.slices[i], groups.slices[groups.reference or 0], found[i].rows
        ledger.exact("p_value", p_value, n, slice=where, versus=versus, at=at, method=f"{found[i].test}, two-sided")
        method = f"{found[i].test}, two-sided, Holm over {len(tested)} groups"
        ledger.exact("p_value_holm", corrected, n, slice=where, versus=versus, at=at, method=method)


def _write_bounds(ledger: Ledger, rows: Rows, name: str, selected: NDArray[np.bool_], design: RowDesign, *, at: Mapping[str, str]) -> None:
    held = rows.group(name)
    unknown = held.codes < 0
    if not unknown.any() or design.weights is not None:
        return
    missing, shares = one_share(selected, base=unknown), group_shares(selected, held.codes, len(held.levels))
    for level, share in zip(held.levels, shares, strict=True):
        bounds = rate_bounds(share.successes, share.total, missing.successes, missing.total)
        if bounds is not None:
            n, method = share.rows + missing.rows, f"worst case over {missing.rows} rows of unknown membership"
            ledger.exact("selection_rate_lower_bound", bounds.low, n, slice={name: level}, at=at, unit="proportion", method=method)
            ledger.exact("selection_rate_upper_bound", bounds.high, n, slice={name: level}, at=at, unit="proportion", method=method)


def _write_pairs(
    ledger: Ledger, rows: Rows, selected: NDArray[np.bool_], design: RowDesign, *, at: Mapping[str, str], smallest: int, largest: int
) -> list[str]:
    """Cells of all pairs of attributes are one family of comparisons."""
    column = {spec.name: spec.column for spec in rows.facts.groups}
    pairs = [pair for pair in combinations(_names(rows), 2) if column[pair[0]] != column[pair[1]]]
    crossed = [_pair(rows, pair, selected, design, smallest) for pair in pairs]
    kept = [groups for groups in crossed if len(groups.shares) <= largest]
    comparisons = sum(len(groups.others) for groups in kept)
    for groups in kept:
        _write_pair(ledger, groups, at, max(1, comparisons))
    notes = [f"{groups.title} has {len(groups.shares)} cells, more than {largest}, and is left out." for groups in crossed if groups not in kept]
    if comparisons:
        notes.append(f"Pairs of attributes make {comparisons} comparisons; their simultaneous intervals hold together (Bonferroni).")
    return notes


def _pair(rows: Rows, pair: tuple[str, str], selected: NDArray[np.bool_], design: RowDesign, smallest: int) -> Groups:
    first, second = (rows.group(name) for name in pair)
    crossed = cross(first.codes, second.codes)
    shares = group_shares(selected, crossed.codes, len(crossed.cells), weights=design.weights, clusters=design.clusters)
    slices = [{pair[0]: first.levels[a], pair[1]: second.levels[b]} for a, b in crossed.cells]
    declared = [rows.group_spec(name).reference for name in pair]
    chosen = next((i for i, where in enumerate(slices) if list(where.values()) == declared), None)
    return Groups(" × ".join(pair), slices, shares, chosen if chosen is not None else highest_rate(shares, fewest_rows=smallest))


def _write_pair(ledger: Ledger, groups: Groups, at: Mapping[str, str], comparisons: int) -> None:
    for where, share in zip(groups.slices, groups.shares, strict=True):
        _write_rate(ledger, share, where, at, comparisons=comparisons)
    level = bonferroni(0.95, comparisons)
    for i in groups.others:
        one, reference = groups.shares[i], groups.shares[groups.reference or 0]
        _write_comparison(ledger, groups, i, compare(one, reference), compare(one, reference, confidence=level), at=at, comparisons=comparisons)


def _charts(groups: Groups, found: Mapping[int, Comparison], at: Mapping[str, str]) -> list[BarChart]:
    suffix = f", class {at['class']}" if at else ""
    names = [", ".join(where.values()) for where in groups.slices]
    rates = [proportion_interval(share) for share in groups.shares]
    title = f"Selection rate by {groups.title}{suffix}"
    charts = estimate_bars(title=title, categories=names, estimates=rates, x_label="selection rate")
    ratios = {i: comparison.ratio for i, comparison in found.items() if isinstance(comparison.ratio, Interval) and comparison.ratio.low > 0}
    if ratios:
        title = f"Impact ratio by {groups.title} against {names[groups.reference or 0]}{suffix}"
        held = [ratios[i] for i in ratios]
        charts.append(
            BarChart(
                title=title,
                categories=[names[i] for i in ratios],
                values=[r.value for r in held],
                low=[r.low for r in held],
                high=[r.high for r in held],
                n=[groups.shares[i].rows for i in ratios],
                x_label=f"selection rate / selection rate of {names[groups.reference or 0]}",
                scale="log",
                marks=(Mark(value=1.0, label="equal rates"),),
            )
        )
    return charts


def _notes(rows: Rows, design: RowDesign) -> list[str]:
    notes = [design.note] if design.note else []
    refused = int((rows.decisions < 0).sum())
    if refused:
        notes.append(f"{refused:,} rows have no decision because their output was not finite; they count as not selected.")
    if not rows.facts.positive:
        notes.append("No class was declared favourable, so the rate of each class is shown.")
    notes += [rows.facts.selected_words] if rows.facts.selected_words else []
    return notes + _ties(rows)


def _ties(rows: Rows) -> list[str]:
    threshold = rows.facts.threshold
    if threshold is None or not rows.has("outputs.score"):
        return []
    tied = int((rows.column("outputs.score") == threshold).sum())
    return [f"{tied:,} rows lie exactly at the threshold of {threshold:g} and count as class 1."] if tied else []


def _reference_note(rows: Rows, groups: Groups) -> list[str]:
    if groups.reference is None:
        return [f"{groups.title}: no group has enough rows to serve as reference."]
    name = ", ".join(groups.slices[groups.reference].values())
    if rows.group_spec(groups.title).reference == name:
        return [f"{groups.title}: the reference {name} was declared."]
    return [f"{groups.title}: the reference {name} has the highest rate among the groups with enough rows, so ratios lean below 1 by construction."]
