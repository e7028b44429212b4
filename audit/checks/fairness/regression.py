"""The check `fairness.regression`: whether predicted quantities are more wrong, or simply higher, for some groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart, Chart, HeatMap
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.facts import LABEL_WORDS
from audit.ledger import Ledger
from audit.methods.fairness.comparisons import compare
from audit.methods.fairness.quantities import Quantity, group_interval, quantity_difference, quantity_ratio
from audit.methods.fairness.quantity_errors import (
    correlation_difference,
    correlation_interval,
    group_correlation,
    group_mean,
    group_r_squared,
    group_root_mean_square,
)
from audit.methods.statistics.group_shares import group_shares
from audit.methods.statistics.intervals import Estimate, Interval, Undefined
from audit.methods.statistics.proportions import proportion_interval
from audit.reference_group import reference_group, reference_note
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

Floats = NDArray[np.float64]
SHARE = "share_at_or_above"


@dataclass(frozen=True)
class _Members:
    """Predictions and labels of some rows."""

    predictions: Floats
    labels: Floats
    design: RowDesign

    def of(self, kept: NDArray[np.int64] | NDArray[np.bool_]) -> _Members:
        return _Members(self.predictions[kept], self.labels[kept], self.design.of(kept))

    @property
    def labelled(self) -> _Members:
        return self.of(np.isfinite(self.labels))

    @property
    def errors(self) -> Floats:
        return self.predictions - self.labels


@dataclass(frozen=True)
class _Groups:
    """One attribute: the group of each row with a prediction (-1 for the others), the members of each group, and who is compared with."""

    name: str
    levels: tuple[str, ...]
    codes: NDArray[np.int64]
    members: tuple[_Members, ...]
    reference: int | None

    def where(self, level: int) -> dict[str, str]:
        return {self.name: self.levels[level]}

    def others(self) -> Iterator[tuple[int, int, dict[str, str]]]:
        """Each level to compare, the reference, and the slice of the reference."""
        if self.reference is not None:
            yield from ((level, self.reference, self.where(self.reference)) for level in range(len(self.levels)) if level != self.reference)


@dataclass(frozen=True)
class _Metric:
    """One statistic of a group: how it is computed, what it is called, whether it has a unit, a ratio and bounds."""

    compute: Callable[[_Members], Quantity | Undefined]
    words: str
    has_unit: bool = True
    has_ratio: bool = False
    lowest: float = -np.inf
    highest: float = np.inf


def _mean(values: Floats, design: RowDesign) -> Quantity | Undefined:
    return group_mean(values, design.weights, design.clusters)


METRICS: Mapping[str, _Metric] = {
    "mean_prediction": _Metric(lambda held: _mean(held.predictions, held.design), "mean predictions", has_ratio=True),
    "mean_error": _Metric(lambda held: _mean(held.errors, held.design), "mean errors"),
    "mean_absolute_error": _Metric(lambda held: _mean(np.abs(held.errors), held.design), "mean absolute errors", has_ratio=True, lowest=0.0),
    "root_mean_squared_error": _Metric(
        lambda held: group_root_mean_square(held.errors, held.design.weights, held.design.clusters),
        "root mean squared errors",
        has_ratio=True,
        lowest=0.0,
    ),
    "r_squared": _Metric(
        lambda held: group_r_squared(held.labels, held.predictions, held.design.weights, held.design.clusters),
        "R squared",
        has_unit=False,
        highest=1.0,
    ),
    "correlation": _Metric(
        lambda held: group_correlation(held.labels, held.predictions, held.design.weights, held.design.clusters), "correlations", has_unit=False
    ),
}
CHARTED = ("mean_absolute_error", "mean_error", "mean_prediction")
"""Statistics drawn for each attribute; the others are in the table."""


@check(
    title="Predicted quantities by group",
    topics=("fairness", "error_rates", "demographic_parity", "regression"),
    measures=(
        *METRICS,
        *(f"{name}_difference" for name in METRICS),
        *(f"{name}_ratio" for name, metric in METRICS.items() if metric.has_ratio),
        SHARE,
        f"{SHARE}_difference",
    ),
    needs={"groups"},
    tasks={"regression"},
)
def regression(rows: Rows, *, quantiles: tuple[float, ...] = (0.5, 0.75, 0.9)) -> Evidence:
    """Are predicted quantities further off, or systematically higher or lower, for some groups?

    Why it matters:
        A predicted price, risk or need is acted upon. A group whose predictions are less accurate is served worse; a group whose predictions
        are too high or too low pays for it on average, even where the size of the errors is the same.

    How to read it:
        The mean error (prediction minus label) tells direction: above 0 the group is predicted too high. The mean absolute and root mean
        squared error tell size, in the unit of the label. R squared and correlation compare with the spread of labels inside the group, so a
        group of similar people can have a low one with small errors. Differences are group minus reference, ratios group over reference; the
        reference is the declared group, else the largest. The share at or above a quantile of all predictions shows who is at the top: all
        groups have the same share when predictions are distributed alike.

    What it cannot show:
        Whether the labels deserve to be met: where they carry an old disadvantage, an accurate network repeats it. Different mean predictions
        may mirror different needs. The quantiles are those of these rows and are taken as given.

    References:
        Agarwal, Dudik & Wu 2019, Fair Regression, arXiv:1905.12843
        Chouldechova 2017, doi:10.1089/big.2016.0047
        Binder 1983, doi:10.2307/1402588
    """
    ledger, design = Ledger(census=rows.facts.census), row_design(rows)
    charts: list[Chart] = []
    labels = rows.labels.astype(np.float64) if rows.facts.label is not None else np.full(rows.n, np.nan)
    everyone = _Members(rows.column("outputs.score").astype(np.float64), labels, design)
    known = np.isfinite(everyone.predictions)
    cuts = _cuts(everyone.of(known), quantiles)
    notes = [*([design.note] if design.note else []), *_notes(rows, known, labels)]
    for spec in rows.facts.groups:
        groups = _groups(rows, spec.name, everyone, known)
        notes += [note for note in (reference_note(rows, spec.name, groups.reference),) if note]
        for name, metric in METRICS.items():
            if name == "mean_prediction" or rows.facts.label is not None:
                charts += _write(ledger, groups, name, metric, unit=rows.facts.label_unit if metric.has_unit else "")
        charts += _quantiles(ledger, groups, everyone, cuts)
    if rows.facts.label is None:
        ledger.absent("mean_error", "No label column was declared, so there are no errors.", rows.n)
    return ledger.evidence(charts, notes)


def _cuts(everyone: _Members, quantiles: tuple[float, ...]) -> dict[float, float]:
    """The prediction at each quantile of all rows; one that occurs."""
    if len(everyone.predictions) == 0:
        return {}
    weights = everyone.design.weights
    return {q: float(np.quantile(everyone.predictions, q, weights=weights, method="inverted_cdf")) for q in quantiles if 0 < q < 1}


def _notes(rows: Rows, known: NDArray[np.bool_], labels: Floats) -> list[str]:
    notes = [LABEL_WORDS[rows.facts.label_kind]] if rows.facts.label is not None else []
    if not known.all():
        notes.append(f"{int((~known).sum()):,} rows have no finite prediction and are left out.")
    unknown = int(np.isnan(labels[known]).sum())
    if rows.facts.label is not None and unknown:
        notes.append(f"{unknown:,} rows have no known label and are left out of everything that compares with labels.")
    return notes


def _groups(rows: Rows, attribute: str, everyone: _Members, known: NDArray[np.bool_]) -> _Groups:
    levels = rows.group_spec(attribute).levels
    codes = np.where(known, rows.group(attribute).codes, -1).astype(np.int64)
    reference = reference_group(rows, attribute, np.bincount(codes[codes >= 0], minlength=len(levels)).tolist())
    return _Groups(attribute, levels, codes, tuple(_split(everyone, codes, len(levels))), reference)


def _split(everyone: _Members, codes: NDArray[np.int64], size: int) -> Iterator[_Members]:
    """The members of each group, in one sort."""
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(size + 1))
    for level in range(size):
        yield everyone.of(order[edges[level] : edges[level + 1]])


def _write(ledger: Ledger, groups: _Groups, name: str, metric: _Metric, *, unit: str) -> list[BarChart]:
    found = [metric.compute(held if name == "mean_prediction" else held.labelled) for held in groups.members]
    shown = [_interval(name, metric, one) for one in found]
    for level, estimate in enumerate(shown):
        ledger.add(name, estimate, slice=groups.where(level), unit=unit)
    for level, reference, versus in groups.others():
        one, other, where = found[level], found[reference], groups.where(level)
        n = min(one.n, other.n)
        ledger.add(f"{name}_difference", _difference(name, metric, one, other), slice=where, versus=versus, unit=unit, n=n)
        if metric.has_ratio:
            ledger.add(f"{name}_ratio", quantity_ratio(one, other, what=metric.words), slice=where, versus=versus, unit="ratio", n=n)
    return _chart(f"{name.replace('_', ' ').capitalize()} by {groups.name}", groups.levels, shown, unit) if name in CHARTED else []


def _interval(name: str, metric: _Metric, held: Quantity | Undefined) -> Estimate:
    if name == "correlation":
        return correlation_interval(held)
    return group_interval(held, what=name.replace("_", " "), lowest=metric.lowest, highest=metric.highest)


def _difference(name: str, metric: _Metric, one: Quantity | Undefined, other: Quantity | Undefined) -> Estimate:
    return correlation_difference(one, other) if name == "correlation" else quantity_difference(one, other, what=metric.words)


def _quantiles(ledger: Ledger, groups: _Groups, everyone: _Members, cuts: Mapping[float, float]) -> list[Chart]:
    table: list[list[float | None]] = [[] for _ in groups.levels]
    for q, cut in cuts.items():
        at = {"quantile": q, "prediction": cut}
        above, design = everyone.predictions >= cut, everyone.design
        shares = group_shares(above, groups.codes, len(groups.levels), weights=design.weights, clusters=design.clusters)
        for level, share in enumerate(shares):
            estimate = proportion_interval(share) if share.rows else Undefined("The group has no rows with a prediction.", 0)
            counts = {"hits": int(share.successes), "base": share.rows} if share.exact and share.rows else None
            ledger.add(SHARE, estimate, slice=groups.where(level), at=at, unit="proportion", counts=counts)
            table[level].append(estimate.value if isinstance(estimate, Interval) else None)
        for level, reference, versus in groups.others():
            found = compare(shares[level], shares[reference])
            ledger.add(f"{SHARE}_difference", found.difference, slice=groups.where(level), versus=versus, at=at, unit="proportion", n=found.rows)
    title = f"Share of each {groups.name} at or above a quantile of all predictions"
    return [HeatMap(title=title, rows=list(groups.levels), columns=[f"{q:g}" for q in cuts], values=table, x_label="quantile")] if cuts else []


def _chart(title: str, levels: tuple[str, ...], found: list[Estimate], unit: str) -> list[BarChart]:
    return estimate_bars(title=title, categories=levels, estimates=found, x_label=unit or "unit of the label")
