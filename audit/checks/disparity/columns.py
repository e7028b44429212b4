"""The check `disparity.columns`: whether any measured number differs between groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.check import check
from audit.ledger import Ledger
from audit.methods.fairness.comparisons import FEWEST_COMPARED, largest_group
from audit.methods.statistics.intervals import Estimate, Interval, Undefined
from audit.methods.statistics.means import mean_difference, mean_interval, median_difference, quantile_interval
from audit.results import BarChart, Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

WHEN_MEASURED = ("attribution.integrated_gradients.relative_gap", "attribution.shapley.relative_gap")
"""Columns about the quality of explanations, looked at whenever they exist."""
Values = NDArray[np.float64]


@check(
    title="Measured numbers by group",
    topics=("fairness", "disparity", "explanation_quality"),
    measures=("mean", "mean_difference", "median", "median_difference"),
    reads=("outputs",),
    optional=("attribution.integrated_gradients", "attribution.shapley"),
    needs={"groups"},
)
def columns(rows: Rows, *, columns: tuple[str, ...] = ("outputs.loss",)) -> Evidence:
    """Do measured numbers, such as losses or explanation gaps, differ between groups?

    Why it matters:
        Groups can be treated alike in decisions and still be served worse: with larger errors, less certain scores, or explanations that
        account for less of the output. Whatever is measured per row can be compared per group.

    How to read it:
        For each column the mean and median of every group are shown, and their difference from the reference group (the declared one,
        else the largest). A difference whose interval excludes 0 is unlikely to be chance alone. Columns measured on a sample are weighted
        back to all rows.

    What it cannot show:
        Why the numbers differ. A difference in the mean can come from a few rows; compare it with the median.

    References:
        Welch 1947, doi:10.1093/biomet/34.1-2.28
        Zou & Donner 2008, doi:10.1002/sim.3095
    """
    ledger, charts = Ledger(census=rows.facts.census), []
    notes: list[str] = []
    for name in dict.fromkeys((*columns, *(extra for extra in WHEN_MEASURED if rows.has(extra)))):
        if not rows.has(name):
            ledger.absent("mean_difference", f"{name}: {rows.why_absent(name)}", rows.n, at={"column": name})
            continue
        held = rows.within(name.rpartition(".")[0])
        values = held.column(name)
        if values.ndim != 1 or values.dtype.kind not in "fiub":
            ledger.absent("mean_difference", f"{name} is not one number per row.", held.n, at={"column": name})
            continue
        charts += _column(ledger, held, name, values.astype(np.float64), notes)
    return ledger.evidence(charts, notes)


def _column(ledger: Ledger, rows: Rows, name: str, values: Values, notes: list[str]) -> list[BarChart]:
    usable, design = np.isfinite(values), row_design(rows)
    if not usable.all():
        notes.append(f"{name}: {int((~usable).sum()):,} of {rows.n:,} rows have no finite value and are left out.")
    if design.note:
        notes.append(f"{name}: {design.note}")
    charts = []
    for spec in rows.facts.groups:
        codes = np.where(usable, rows.group(spec.name).codes, -1)
        charts.append(_attribute(ledger, rows, name, spec.name, values=values, codes=codes, design=design))
    return charts


def _attribute(ledger: Ledger, rows: Rows, name: str, attribute: str, *, values: Values, codes: NDArray[np.int32], design: RowDesign) -> BarChart:
    spec, unit, at = rows.group_spec(attribute), rows.unit(name), {"column": name}
    members = [np.flatnonzero(codes == position) for position in range(len(spec.levels))]
    declared = spec.levels.index(spec.reference) if spec.reference in spec.levels else None
    reference = declared if declared is not None else largest_group([len(mine) for mine in members])
    means = []
    for level, mine in zip(spec.levels, members, strict=True):
        held = design.of(mine)
        means.append(mean_interval(values[mine], held.weights, clusters=held.clusters))
        ledger.add("mean", means[-1], slice={attribute: level}, at=at, unit=unit)
        if design.weights is None and len(mine) >= FEWEST_COMPARED:
            ledger.add("median", quantile_interval(values[mine], 0.5), slice={attribute: level}, at=at, unit=unit)
    for position, mine in enumerate(members):
        if reference is not None and position != reference:
            where, versus = {attribute: spec.levels[position]}, {attribute: spec.levels[reference]}
            n = min(len(mine), len(members[reference]))
            ledger.add("mean_difference", _means(values, mine, members[reference], design), slice=where, versus=versus, at=at, unit=unit, n=n)
            if design.weights is None and n >= FEWEST_COMPARED:
                gap = median_difference(values[mine], values[members[reference]])
                ledger.add("median_difference", gap, slice=where, versus=versus, at=at, unit=unit, n=n)
    return _chart(f"Mean of {name} by {attribute}", spec.levels, means, unit)


def _means(values: Values, mine: NDArray[np.int64], other: NDArray[np.int64], design: RowDesign) -> Estimate:
    if min(len(mine), len(other)) < FEWEST_COMPARED:
        return Undefined(f"One side has {min(len(mine), len(other))} rows, too few to compare (at least {FEWEST_COMPARED}).", len(mine) + len(other))
    one, two = design.of(mine), design.of(other)
    weights = None if one.weights is None or two.weights is None else (one.weights, two.weights)
    clusters = None if one.clusters is None or two.clusters is None else (one.clusters, two.clusters)
    return mean_difference(values[mine], values[other], weights, clusters=clusters)


def _chart(title: str, levels: tuple[str, ...], means: list[Estimate], unit: str) -> BarChart:
    held = [one if isinstance(one, Interval) else None for one in means]
    return BarChart(
        title=title,
        categories=list(levels),
        values=[None if one is None else one.value for one in held],
        low=[None if one is None else one.low for one in held],
        high=[None if one is None else one.high for one in held],
        n=[one.n for one in means],
        x_label=unit or "mean",
    )
