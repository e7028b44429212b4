"""The check `fairness.calibration_within_groups`: whether a stated probability means the same in every group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart, Chart, LineChart, Series
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.facts import LABEL_WORDS
from audit.ledger import At, Ledger, family
from audit.methods.calibration.reliability import equal_mass_edges
from audit.methods.fairness.comparisons import FEWEST_COMPARED, compare
from audit.methods.fairness.score_calibration import bin_gaps, calibration_error_interval, error_by_chance
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.intervals import Estimate, Interval, Undefined
from audit.methods.statistics.means import mean_difference, mean_interval
from audit.methods.statistics.proportions import Share, proportion_interval
from audit.methods.statistics.simultaneous import bonferroni
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

Array = NDArray[np.float64]
MEASURES = (
    "calibration_in_the_large",
    "calibration_in_the_large_difference",
    "expected_calibration_error",
    "expected_calibration_error_by_chance",
    "observed_rate",
    "observed_rate_difference",
)
LARGEST_CHART = 12
"""Groups drawn as lines in one chart."""


@dataclass(frozen=True)
class _Stated:
    """Rows with a label and a probability: stated probability of class 1, whether it came true, and the bin shared by all groups."""

    rows: Rows
    used: NDArray[np.bool_]
    stated: Array
    true: NDArray[np.bool_]
    edges: Array
    design: RowDesign

    @property
    def bins(self) -> NDArray[np.int64]:
        return _places(self.stated, self.edges)

    def at(self, position: int) -> At:
        return {"bin": f"{self.edges[position]:.4g} to {self.edges[position + 1]:.4g}"}


@check(
    title="Calibration within groups",
    topics=("fairness", "calibration", "sufficiency"),
    measures=MEASURES,
    needs={"groups", "labels"},
    tasks={"binary", "anomaly"},
)
def calibration_within_groups(rows: Rows, *, bins: int = 10, fewest_rows: int = 100) -> Evidence:
    """Does a stated probability mean the same in every group?

    Why it matters:
        A risk of 30 % should come true for three in ten, whoever is concerned. Where it comes true for four in ten of one group and two in
        ten of another, one threshold holds them to different standards, and those who read the number are misled about people.

    How to read it:
        Calibration in the large is the mean stated probability less the observed rate: above 0, the group is rated higher than it turns out
        to deserve. The expected calibration error is the mean distance between stated and observed rate over bins with about equal numbers
        of the group's rows. It is above 0 by chance, more so in small groups: compare it with its value by chance; the low end of its
        interval takes off what chance can explain. The observed rate by bin shows groups side by side at about the same score, in bins made
        of all rows; a difference from the reference at the same score means the score is read differently for the two. Bins and groups
        are many, so the wider interval that holds for all of them at once is given too.

    What it cannot show:
        Calibration inside a bin: groups whose scores lie differently within one can differ in rate without a fault of the score. A score
        can be calibrated in all groups and still ignore what tells people apart. When groups differ in their rates, calibration and equal
        error rates cannot both hold.

    References:
        Kleinberg, Mullainathan & Raghavan 2016, arXiv:1609.05807
        Pleiss et al. 2017, arXiv:1709.02012
        Naeini, Cooper & Hauskrecht 2015, doi:10.1609/aaai.v29i1.9602
    """
    ledger = Ledger(census=rows.facts.census)
    charts: list[Chart] = []
    if not rows.has("outputs.probability"):
        ledger.absent("calibration_in_the_large", "The outputs are not probabilities.", rows.n)
        return ledger.evidence()
    held = _stated(rows, bins)
    event = f"Probabilities and rates are of class {rows.facts.classes[1]}."
    notes = [LABEL_WORDS[rows.facts.label_kind], event, *([held.design.note] if held.design.note else [])]
    for spec in rows.facts.groups:
        codes = rows.group(spec.name).codes[held.used].astype(np.int64)
        reference = reference_group(rows, spec.name, np.bincount(codes[codes >= 0], minlength=len(spec.levels)).tolist())
        notes += [note for note in (reference_note(rows, spec.name, reference),) if note]
        charts += _in_the_large(ledger, held, spec.name, codes, reference)
        _errors(ledger, held, spec.name, codes, bins=bins, fewest_rows=fewest_rows)
        charts += _by_bin(ledger, held, spec.name, codes, reference)
    return ledger.evidence(charts, notes)


def _stated(rows: Rows, bins: int) -> _Stated:
    probability = rows.column("outputs.probability")[:, 1]
    used = (rows.labels >= 0) & np.isfinite(probability)
    stated = np.clip(probability[used].astype(np.float64), 0.0, 1.0)
    return _Stated(rows, used, stated, rows.labels[used] == 1, equal_mass_edges(stated, bins), row_design(rows).of(used))


def _places(stated: Array, edges: Array) -> NDArray[np.int64]:
    return np.clip(np.searchsorted(edges, stated, side="left") - 1, 0, len(edges) - 2).astype(np.int64)


def _in_the_large(ledger: Ledger, held: _Stated, attribute: str, codes: NDArray[np.int64], reference: int | None) -> list[BarChart]:
    levels, gap, found = held.rows.group_spec(attribute).levels, held.stated - held.true, []
    members = [np.flatnonzero(codes == level) for level in range(len(levels))]
    for level, mine in zip(levels, members, strict=True):
        design = held.design.of(mine)
        found.append(mean_interval(gap[mine], design.weights, clusters=design.clusters))
        ledger.add(MEASURES[0], found[-1], slice={attribute: level}, unit="proportion")
    for position, level in enumerate(levels):
        if reference is not None and position != reference:
            one, two = members[position], members[reference]
            versus = {attribute: levels[reference]}
            difference = _difference(gap, one, two, held.design)
            ledger.add(MEASURES[1], difference, slice={attribute: level}, versus=versus, unit="proportion", n=min(len(one), len(two)))
    return _gap_chart(attribute, levels, found)


def _difference(gap: Array, one: NDArray[np.int64], two: NDArray[np.int64], design: RowDesign) -> Estimate:
    fewest = min(len(one), len(two))
    if fewest < FEWEST_COMPARED:
        return Undefined(f"One side has {fewest} rows, too few to compare (at least {FEWEST_COMPARED}).", fewest)
    first, second = design.of(one), design.of(two)
    weights = None if first.weights is None or second.weights is None else (first.weights, second.weights)
    clusters = None if first.clusters is None or second.clusters is None else (first.clusters, second.clusters)
    return mean_difference(gap[one], gap[two], weights, clusters=clusters)


def _errors(ledger: Ledger, held: _Stated, attribute: str, codes: NDArray[np.int64], *, bins: int, fewest_rows: int) -> None:
    for position, level in enumerate(held.rows.group_spec(attribute).levels):
        mine = np.flatnonzero(codes == position)
        where, n, design = {attribute: level}, len(mine), held.design.of(mine)
        if n < max(fewest_rows, 1) or (design.weights is not None and design.weights.sum() <= 0):
            ledger.absent(MEASURES[2], f"{n} rows are too few to fill bins (at least {fewest_rows}).", n, slice=where)
            continue
        places = _places(held.stated[mine], equal_mass_edges(held.stated[mine], bins))
        gaps = bin_gaps(held.stated[mine], held.true[mine], places, design.weights, clusters=design.clusters)
        text = f"{len(gaps.share)} bins of about equal numbers of rows"
        generator = held.rows.generator(f"fairness.calibration_within_groups {attribute} {level}")
        ledger.add(MEASURES[2], calibration_error_interval(gaps, generator=generator, what=text), slice=where, unit="proportion")
        ledger.exact(MEASURES[3], error_by_chance(gaps), n, slice=where, unit="proportion", method=f"{text}, normal approximation")


def _by_bin(ledger: Ledger, held: _Stated, attribute: str, codes: NDArray[np.int64], reference: int | None) -> list[Chart]:
    levels, size = held.rows.group_spec(attribute).levels, len(held.edges) - 1
    cell = np.where(codes >= 0, codes * size + held.bins, -1)
    flat = group_shares(held.true, cell, len(levels) * size, weights=held.design.weights, clusters=held.design.clusters)
    shares = [flat[position * size : (position + 1) * size] for position in range(len(levels))]
    pairs = [] if reference is None else [(i, b) for i in range(len(levels)) if i != reference for b in range(size) if shares[i][b].rows]
    compared = sum(min(shares[i][b].rows, shares[reference or 0][b].rows) >= FEWEST_COMPARED for i, b in pairs)
    for i, level in enumerate(levels):
        for b in range(size):
            if shares[i][b].total > 0:
                ledger.add(MEASURES[4], proportion_interval(shares[i][b]), slice={attribute: level}, at=held.at(b), unit="proportion")
    for i, b in pairs:
        against = shares[reference or 0][b]
        found, wide = (compare(shares[i][b], against, confidence=level) for level in (0.95, bonferroni(0.95, max(compared, 1))))
        ledger.add(
            MEASURES[5],
            found.difference,
            slice={attribute: levels[i]},
            versus={attribute: levels[reference or 0]},
            at=held.at(b),
            unit="proportion",
            simultaneous=family(wide.difference, max(compared, 1)),
            n=found.rows,
        )
    return _bin_chart(held, attribute, levels, shares)


def _gap_chart(attribute: str, levels: tuple[str, ...], found: list[Estimate]) -> list[BarChart]:
    return estimate_bars(
        title=f"Stated less observed rate by {attribute}",
        categories=levels,
        estimates=found,
        x_label="mean stated probability less observed rate",
    )


def _bin_chart(held: _Stated, attribute: str, levels: tuple[str, ...], shares: list[list[Share]]) -> list[Chart]:
    size = len(held.edges) - 1
    rows = np.bincount(held.bins, minlength=size)
    middle = np.bincount(held.bins, weights=held.stated, minlength=size) / np.maximum(rows, 1)
    lines = []
    for level, mine in zip(levels, shares, strict=True):
        ends = [(b, proportion_interval(share)) for b, share in enumerate(mine) if share.total > 0 and share.rows >= FEWEST_COMPARED]
        kept = [(b, end) for b, end in ends if isinstance(end, Interval)]
        if kept:
            lines.append(
                Series(
                    name=level,
                    x=[float(middle[b]) for b, _ in kept],
                    y=[end.value for _, end in kept],
                    low=[end.low for _, end in kept],
                    high=[end.high for _, end in kept],
                )
            )
    title = f"Observed rate by score and {attribute}" + (f" (the first {LARGEST_CHART} groups)" if len(lines) > LARGEST_CHART else "")
    chart = LineChart(
        title=title, series=tuple(lines[:LARGEST_CHART]), x_label="mean stated probability of the bin", y_label="observed rate", diagonal=True
    )
    return [chart] if lines else []
