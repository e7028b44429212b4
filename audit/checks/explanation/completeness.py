"""The check `explanation.completeness`: whether attributions add up to what they explain, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import Histogram
from audit.check import check
from audit.ledger import Ledger
from audit.methods.statistics.group_shares import one_share
from audit.methods.statistics.means import mean_interval, quantile_interval
from audit.methods.statistics.proportions import proportion_interval
from audit.results import Criterion, Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

METHODS = {"shapley": "attribution.shapley", "integrated_gradients": "attribution.integrated_gradients"}
ON_REQUEST = {"deep_shap": "attribution.deep_shap"}
"""Looked at where the audit file asks for the instrument; the check does not ask for it."""
EDGES = tuple(range(-12, 3))
"""Powers of ten between which gaps are counted; smaller and larger ones go to the ends."""
RESOLVED = 1.96
"""A value this many standard errors from 0 is told from 0."""


@dataclass(frozen=True)
class Explained:
    """The rows that one method explained: relative gaps (n,), values and standard errors (n, players)."""

    gap: NDArray[np.float64]
    values: NDArray[np.float64]
    se: NDArray[np.float64]
    design: RowDesign
    left_out: int
    whole: bool
    """Every audited row was explained."""


@check(
    title="Completeness of attributions",
    topics=("explanation", "explanation_quality"),
    measures=("median_relative_gap", "mean_relative_gap", "incomplete_share", "mean_relative_error", "resolved_share"),
    reads=(),
    optional=tuple(METHODS.values()),
    needs={"inputs", "background"},
    criteria=(
        Criterion(
            measurement="median_relative_gap",
            maximum=Decimal("0.05"),
            because="Attributions that leave more than a twentieth of the output unexplained in half of the rows have not converged.",
            source="Netassay",
            owner="Netassay",
            technical=True,
        ),
    ),
)
def completeness(rows: Rows, *, incomplete_above: float = 0.05) -> Evidence:
    """Do attributions add up to the output they explain?

    Why it matters:
        An attribution divides the difference between a row's output and the mean output over the background among the columns. When the
        parts do not add up, something was lost or invented on the way, and reasons given to a person rest on it.

    How to read it:
        The relative gap is the part of the difference that the attributions leave unexplained; the difference is taken as at least the
        usual spread of the outputs over the background, so that rows near the mean do not blow it up. The incomplete share is
        the share of rows with a gap above the setting `incomplete_above`. The mean relative error is the standard error of sampled values,
        relative to the values themselves, and the resolved share is how much of the attribution belongs to values that can be told from 0;
        both are made for sampled methods only.

    What it cannot show:
        Whether the attributions are right: many wrong divisions add up. It says nothing of the choice of background, or of columns that
        stand in for each other.

    References:
        Sundararajan, Taly & Yan 2017, Axiomatic Attribution for Deep Networks, arXiv:1703.01365
        Lundberg & Lee 2017, A Unified Approach to Interpreting Model Predictions, arXiv:1705.07874
    """
    asked = METHODS | {name: probe for name, probe in ON_REQUEST.items() if rows.has(f"{probe}.relative_gap") or probe in rows.absent_probes}
    measured = {name: probe for name, probe in asked.items() if rows.has(f"{probe}.relative_gap")}
    notes = [f"{name}: {rows.why_absent(probe)}" for name, probe in asked.items() if name not in measured]
    found = {name: _explained(rows, probe) for name, probe in measured.items()}
    ledger = Ledger(census=rows.facts.census and all(held.whole for held in found.values()))
    if not found:
        ledger.absent("median_relative_gap", " ".join(notes), rows.n)
        return ledger.evidence()
    for name, held in found.items():
        _measure(ledger, name, held, incomplete_above)
        notes += _notes(name, held)
    return ledger.evidence([_chart(found)] if any(len(held.gap) for held in found.values()) else [], notes)


def _explained(rows: Rows, probe: str) -> Explained:
    held = rows.within(probe)
    gap, values = held.column(f"{probe}.relative_gap"), held.column(f"{probe}.values")
    kept = np.isfinite(gap) & np.isfinite(values).all(axis=1)
    design = row_design(held).of(kept)
    return Explained(gap[kept], values[kept], held.column(f"{probe}.se")[kept], design, int((~kept).sum()), held.n == rows.n)


def _measure(ledger: Ledger, name: str, held: Explained, incomplete_above: float) -> None:
    at, design = {"method": name}, held.design
    ledger.add("median_relative_gap", quantile_interval(held.gap), at=at, unit="proportion")
    ledger.add("mean_relative_gap", mean_interval(held.gap, design.weights, clusters=design.clusters), at=at, unit="proportion")
    share = one_share(held.gap > incomplete_above, weights=design.weights, clusters=design.clusters)
    ledger.add("incomplete_share", proportion_interval(share), at=at, unit="proportion")
    size = np.abs(held.values).sum(axis=1)
    used = size > 0
    if not (held.se > 0).any() or not used.any():
        return
    part = design.of(used)
    error = np.sqrt((held.se**2).sum(axis=1)[used] / (held.values**2).sum(axis=1)[used])
    resolved = np.where(np.abs(held.values) > RESOLVED * held.se, np.abs(held.values), 0.0).sum(axis=1)[used] / size[used]
    ledger.add("mean_relative_error", mean_interval(error, part.weights, clusters=part.clusters), at=at, unit="proportion")
    ledger.add("resolved_share", mean_interval(resolved, part.weights, clusters=part.clusters), at=at, unit="proportion")


def _notes(name: str, held: Explained) -> list[str]:
    notes = []
    if held.left_out:
        notes.append(f"{name}: {held.left_out:,} rows without finite outputs or attributions are left out.")
    if held.design.weights is not None:
        notes.append(f"{name}: the median counts every explained row once; means and shares use the weights.")
    return notes


def _chart(found: dict[str, Explained]) -> Histogram:
    series: dict[str, Any] = {}
    for name, held in found.items():
        exponent = np.log10(np.maximum(held.gap, 10.0 ** EDGES[0]))
        series[name] = np.histogram(np.clip(exponent, EDGES[0], EDGES[-1]), bins=EDGES)[0].tolist()
    return Histogram(
        title="Relative completeness gap", edges=[float(edge) for edge in EDGES], series=series, x_label="power of ten of the relative gap"
    )
