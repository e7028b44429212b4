"""The check `disparity.columns`: whether any measured number differs between groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.ledger import At, Ledger
from audit.methods.fairness.comparisons import FEWEST_COMPARED, compare
from audit.methods.statistics.censored import censored_median_difference, censored_quantile
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.intervals import Estimate, Undefined
from audit.methods.statistics.means import mean_difference, mean_interval, median_difference, quantile_interval
from audit.methods.statistics.proportions import proportion_interval
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

WHEN_MEASURED = (
    "attribution.integrated_gradients.relative_gap",
    "attribution.shapley.relative_gap",
    "robustness.pgd.flipped",
    "robustness.pgd.smallest_scale",
)
"""Columns looked at whenever they exist: the quality of explanations, and how easily decisions change."""
SHARE = "0 or 1"
"""Unit of a column that says yes, no or (-1) not known."""


@dataclass(frozen=True)
class _Members:
    """One column of the rows of one attribute."""

    rows: Rows
    name: str
    attribute: str
    values: NDArray[np.float64]
    beyond: NDArray[np.bool_]
    """Rows whose value lies beyond the largest known."""
    codes: NDArray[np.int64]
    """Group of each row with a value, -1 for the others."""
    design: RowDesign
    reference: int | None

    @property
    def levels(self) -> tuple[str, ...]:
        return self.rows.group_spec(self.attribute).levels

    @property
    def at(self) -> At:
        return {"column": self.name}

    def of(self, level: int) -> NDArray[np.int64]:
        """Positions of one group's rows."""
        return np.flatnonzero(self.codes == level)

    def others(self) -> list[int]:
        """Levels to compare with the reference."""
        return [level for level in range(len(self.levels)) if self.reference is not None and level != self.reference]

    def add(self, ledger: Ledger, name: str, estimate: Estimate, level: int, *, compared: bool = False, n: int | None = None) -> None:
        """Write an estimate for one group, or for the group against the reference."""
        versus = {self.attribute: self.levels[self.reference or 0]} if compared else None
        unit = "proportion" if name.startswith("share") else self.rows.unit(self.name)
        ledger.add(name, estimate, slice={self.attribute: self.levels[level]}, versus=versus, at=self.at, unit=unit, n=n)


@check(
    title="Measured numbers by group",
    topics=("fairness", "disparity", "explanation_quality", "robustness"),
    measures=("mean", "mean_difference", "median", "median_difference", "share", "share_difference"),
    reads=("outputs",),
    optional=("attribution.integrated_gradients", "attribution.shapley", "robustness.pgd"),
    needs={"groups"},
)
def columns(rows: Rows, *, columns: tuple[str, ...] = ("outputs.loss",)) -> Evidence:
    """Do measured numbers, such as losses, explanation gaps or adversarial radii, differ between groups?

    Why it matters:
        Groups can be treated alike in decisions and still be served worse: with larger errors, less certain scores, explanations that
        account for less of the output, or decisions that a smaller change would turn. Whatever is measured per row can be compared per group.

    How to read it:
        For each column the mean and median of every group are shown, and their difference from the reference group (the declared one,
        else the largest). Columns of yes and no are shown as the share of yes. Where a value is only known to lie beyond what was tried,
        as with rows that resisted every attack, there is no mean; such rows count as larger than any other in the median. A difference
        whose interval excludes 0 is unlikely to be chance alone. Columns measured on a sample are weighted back to all rows.

    What it cannot show:
        Why the numbers differ. A difference in the mean can come from a few rows; compare it with the median.

    References:
        Welch 1947, doi:10.1093/biomet/34.1-2.28
        Zou & Donner 2008, doi:10.1002/sim.3095
        Woodruff 1952, doi:10.1080/01621459.1952.10483443
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
    return ledger.evidence(charts, tuple(dict.fromkeys(notes)))


def _column(ledger: Ledger, rows: Rows, name: str, values: NDArray[np.float64], notes: list[str]) -> list[BarChart]:
    censored = f"{name.rpartition('.')[0]}.censored"
    beyond = (rows.column(censored) == 1) & ~np.isfinite(values) if rows.has(censored) else np.zeros(rows.n, dtype=np.bool_)
    usable = (np.isfinite(values) | beyond) & ((values >= 0) | (rows.unit(name) != SHARE))
    design = row_design(rows)
    if not usable.all():
        notes.append(f"{name}: {int((~usable).sum()):,} of {rows.n:,} rows have no value and are left out.")
    if design.note:
        notes.append(f"{name}: {design.note}")
    write = _shares if rows.unit(name) == SHARE else _censored if beyond.any() else _numbers
    charts: list[BarChart] = []
    for spec in rows.facts.groups:
        codes = np.where(usable, rows.group(spec.name).codes, -1).astype(np.int64)
        reference = reference_group(rows, spec.name, np.bincount(codes[codes >= 0], minlength=len(spec.levels)).tolist())
        notes += [note for note in (reference_note(rows, spec.name, reference),) if note]
        charts += write(ledger, _Members(rows, name, spec.name, values, beyond, codes, design, reference))
    return charts


def _numbers(ledger: Ledger, held: _Members) -> list[BarChart]:
    means: list[Estimate] = []
    for level in range(len(held.levels)):
        mine = held.of(level)
        design = held.design.of(mine)
        means.append(mean_interval(held.values[mine], design.weights, clusters=design.clusters))
        held.add(ledger, "mean", means[-1], level)
        if held.design.weights is None and len(mine) >= FEWEST_COMPARED:
            held.add(ledger, "median", quantile_interval(held.values[mine], 0.5), level)
    for level in held.others():
        one, two = held.of(level), held.of(held.reference or 0)
        n = min(len(one), len(two))
        held.add(ledger, "mean_difference", _enough(one, two, lambda one=one, two=two: _welch(held, one, two)), level, compared=True, n=n)  # type: ignore[misc]
        if held.design.weights is None and n >= FEWEST_COMPARED:
            held.add(ledger, "median_difference", median_difference(held.values[one], held.values[two]), level, compared=True, n=n)
    return _chart("Mean", held, means)


def _welch(held: _Members, one: NDArray[np.int64], two: NDArray[np.int64]) -> Estimate:
    first, second = held.design.of(one), held.design.of(two)
    weights = None if first.weights is None or second.weights is None else (first.weights, second.weights)
    clusters = None if first.clusters is None or second.clusters is None else (first.clusters, second.clusters)
    return mean_difference(held.values[one], held.values[two], weights, clusters=clusters)


def _shares(ledger: Ledger, held: _Members) -> list[BarChart]:
    shares = group_shares(held.values > 0, held.codes, len(held.levels), weights=held.design.weights, clusters=held.design.clusters)
    found = [proportion_interval(share) if share.rows else Undefined("The group has no rows with a value.", 0) for share in shares]
    for level, one in enumerate(found):
        held.add(ledger, "share", one, level)
    for level in held.others():
        against = compare(shares[level], shares[held.reference or 0])
        held.add(ledger, "share_difference", against.difference, level, compared=True, n=against.rows)
    return _chart("Share", held, found)


def _censored(ledger: Ledger, held: _Members) -> list[BarChart]:
    largest = float(np.max(held.values, initial=0.0, where=np.isfinite(held.values)))
    medians: list[Estimate] = []
    for level in range(len(held.levels)):
        mine = held.of(level)
        design = held.design.of(mine)
        medians.append(
            censored_quantile(held.values[mine], held.beyond[mine], 0.5, largest=largest, weights=design.weights, clusters=design.clusters)
        )
        held.add(ledger, "median", medians[-1], level)
    for level in held.others():
        one, two = held.of(level), held.of(held.reference or 0)
        n = min(len(one), len(two))
        gap = _enough(one, two, lambda one=one, two=two: _medians(held, one, two, largest))  # type: ignore[misc]
        held.add(ledger, "median_difference", gap, level, compared=True, n=n)
    return _chart("Median", held, medians)


def _medians(held: _Members, one: NDArray[np.int64], two: NDArray[np.int64], largest: float) -> Estimate:
    first, second = held.design.of(one), held.design.of(two)
    return censored_median_difference(
        (held.values[one], held.beyond[one]),
        (held.values[two], held.beyond[two]),
        largest=largest,
        weights=(first.weights, second.weights),
        clusters=(first.clusters, second.clusters),
    )


def _enough(one: NDArray[np.int64], two: NDArray[np.int64], estimate: Callable[[], Estimate]) -> Estimate:
    fewest = min(len(one), len(two))
    if fewest < FEWEST_COMPARED:
        return Undefined(f"One side has {fewest} rows, too few to compare (at least {FEWEST_COMPARED}).", len(one) + len(two))
    return estimate()


def _chart(what: str, held: _Members, found: list[Estimate]) -> list[BarChart]:
    return estimate_bars(
        title=f"{what} of {held.name} by {held.attribute}",
        categories=held.levels,
        estimates=found,
        x_label=what.lower() if what == "Share" else held.rows.unit(held.name) or what.lower(),
    )
