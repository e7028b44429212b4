"""The check `explanation.global_importance`: which columns the network leans on over all rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.ledger import Ledger
from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.means import mean_interval
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

METHODS = {"shapley": "attribution.shapley", "integrated_gradients": "attribution.integrated_gradients"}
NOISE = float(np.sqrt(2 / np.pi))
"""Mean absolute value of a standard normal draw."""


@dataclass(frozen=True)
class Explained:
    """Absolute attributions and standard errors (n, players) of one method, and the names of the players."""

    size: NDArray[np.float64]
    se: NDArray[np.float64]
    names: tuple[str, ...]
    design: RowDesign
    whole: bool
    """Every audited row was explained."""


@check(
    title="Columns the network leans on",
    topics=("explanation", "global_explanation", "transparency"),
    measures=("mean_absolute_attribution", "importance_rank"),
    reads=(),
    optional=tuple(METHODS.values()),
    needs={"inputs", "background", "same_players"},
)
def global_importance(rows: Rows, *, shown: int = 20) -> Evidence:
    """Which columns does the network lean on, over all rows?

    Why it matters:
        A network that leans on a column it should not know, or on one that stands in for a protected attribute, is found here first. People
        who answer for the network should recognise the columns at the top.

    How to read it:
        Each bar is the mean absolute attribution of a column: by how much, on the scale of the raw output (log-odds for a logit), the value
        of the column typically moves the output away from the mean over the background. Bars with overlapping intervals have no certain
        order. A column may be high because it has a strong effect on few rows or a weak one on all.

    What it cannot show:
        Causes: what would happen if a person changed the column. Columns that are correlated share or trade their attribution, and a mean
        of absolute values hides the direction.

    References:
        Lundberg & Lee 2017, A Unified Approach to Interpreting Model Predictions, arXiv:1705.07874
        Sundararajan & Najmi 2020, The many Shapley values for model explanation, arXiv:1908.08474
    """
    measured = {name: probe for name, probe in METHODS.items() if rows.has(f"{probe}.values")}
    notes = [f"{name}: {rows.why_absent(probe)}" for name, probe in METHODS.items() if name not in measured]
    found = {name: _explained(rows, probe) for name, probe in measured.items()}
    ledger = Ledger(census=rows.facts.census and all(held.whole for held in found.values()))
    if not found:
        ledger.absent("mean_absolute_attribution", " ".join(notes), rows.n)
        return ledger.evidence()
    charts = []
    for name, held in found.items():
        estimates = _measure(ledger, name, held)
        charts += _chart(name, estimates, shown)
        notes += _notes(name, held, len(estimates), shown)
    return ledger.evidence(charts, notes)


def _explained(rows: Rows, probe: str) -> Explained:
    held = rows.within(probe)
    values = held.column(f"{probe}.values")
    kept = np.isfinite(values).all(axis=1)
    names = tuple(str(name) for name in held.table(probe, "players")["name"])
    return Explained(np.abs(values[kept]), held.column(f"{probe}.se")[kept], names, row_design(held).of(kept), held.n == rows.n)


def _measure(ledger: Ledger, method: str, held: Explained) -> dict[str, Interval]:
    """Estimates by column, the largest mean first."""
    estimates: dict[str, Interval] = {}
    for player, name in enumerate(held.names):
        estimate = mean_interval(held.size[:, player], held.design.weights, clusters=held.design.clusters)
        ledger.add("mean_absolute_attribution", estimate, at={"method": method, "feature": name})
        if isinstance(estimate, Interval):
            estimates[name] = estimate
    ordered = dict(sorted(estimates.items(), key=lambda item: -item[1].value))
    for rank, (name, estimate) in enumerate(ordered.items(), start=1):
        ledger.exact("importance_rank", rank, estimate.n, at={"method": method, "feature": name}, unit="rank", method="order of the means")
    return ordered


def _notes(method: str, held: Explained, columns: int, shown: int) -> list[str]:
    notes = [f"{method}: the chart shows the {shown} largest of {columns} columns."] if columns > shown else []
    if len(held.se) and held.se.max() > 0:
        most = NOISE * float(np.average(held.se, axis=0, weights=held.design.weights).max())
        notes.append(f"{method}: noise makes absolute values larger; the sampling error of the estimator adds at most about {most:.3g} to any mean.")
    return notes


def _chart(method: str, estimates: dict[str, Interval], shown: int) -> list[BarChart]:
    top = dict(list(estimates.items())[:shown])
    return estimate_bars(
        title=f"Mean absolute attribution ({method.replace('_', ' ')})",
        categories=list(top),
        estimates=[replace(one, low=max(0.0, one.low)) for one in top.values()],
        x_label="mean absolute attribution, raw output",
    )
