"""The check `explanation.agreement`: whether two ways of explaining the same rows tell the same story."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import Histogram
from audit.check import check
from audit.ledger import Ledger
from audit.methods.attribution.agreement import rank_correlation, sign_agreement, top_overlap
from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.means import mean_interval
from audit.results import Evidence
from audit.rows import Rows

SHAPLEY = "attribution.shapley"
GRADIENTS = "attribution.integrated_gradients"
BINS = 20
FEWEST_PLAYERS = 3
"""With fewer columns an order says nothing."""


@dataclass(frozen=True)
class Both:
    """Attributions (n, players) of the rows that both methods explained, and how these rows were drawn."""

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    weights: NDArray[np.float64] | None
    clusters: NDArray[np.int64] | None
    whole: bool
    """Every audited row was explained by both."""


@check(
    title="Agreement of two explanations",
    topics=("explanation", "explanation_quality"),
    measures=("rank_correlation", "sign_agreement", "top_overlap"),
    reads=(SHAPLEY, GRADIENTS),
    needs={"inputs", "background"},
)
def agreement(rows: Rows, *, top: int = 5) -> Evidence:
    """Do Shapley values and integrated gradients tell the same story about a row?

    Why it matters:
        Both methods divide the same difference among the same columns, by different paths. Where they agree, a reason given to a person
        does not hang on the choice of method. Where they disagree, it does, and it should be given with care or not at all.

    How to read it:
        The rank correlation compares, row by row, the order of the columns (1 is the same order, 0 none, -1 reversed). The sign agreement is
        the share of the attribution that both methods count in the same direction. The top overlap is the part that the largest columns of
        the two have in common. Each is shown as the mean over the rows that both methods explained.

    What it cannot show:
        Which of the two is right, or that both are. For a network that adds up its columns they agree whatever it does, and both inherit
        the same background.

    References:
        Krishna et al. 2022, The Disagreement Problem in Explainable Machine Learning, arXiv:2202.01602
        Sundararajan & Najmi 2020, The many Shapley values for model explanation, arXiv:1908.08474
    """
    gone = [probe for probe in (SHAPLEY, GRADIENTS) if not rows.has(f"{probe}.values")]
    if gone:
        return _nothing(" ".join(rows.why_absent(probe) for probe in gone), 0)
    held = _both(rows)
    players, n = held.first.shape[1], len(held.first)
    if players < FEWEST_PLAYERS:
        return _nothing(f"The network has {players} columns; an order needs at least {FEWEST_PLAYERS}.", n)
    if not n:
        return _nothing("No row was explained by both methods: each draws its own, so more rows, or all, must be explained.", 0)
    k = min(top, players - 1)
    found = {
        "rank_correlation": rank_correlation(held.first, held.second),
        "sign_agreement": sign_agreement(held.first, held.second),
        "top_overlap": top_overlap(held.first, held.second, k),
    }
    ledger = Ledger(census=rows.facts.census and held.whole)
    notes = [_measure(ledger, name, values, held, k) for name, values in found.items()]
    order = found["rank_correlation"][np.isfinite(found["rank_correlation"])]
    return ledger.evidence([_chart(order)] if len(order) else [], [note for note in notes if note])


def _nothing(reason: str, n: int) -> Evidence:
    ledger = Ledger()
    for name in ("rank_correlation", "sign_agreement", "top_overlap"):
        ledger.absent(name, reason, n)
    return ledger.evidence()


def _both(rows: Rows) -> Both:
    """The two probes draw their rows independently, so a row is in both samples with the product of the two probabilities."""
    left, right = rows.within(SHAPLEY), rows.within(GRADIENTS)
    positions, here, there = np.intersect1d(left.positions, right.positions, return_indices=True)
    first, second = left.column(f"{SHAPLEY}.values")[here], right.column(f"{GRADIENTS}.values")[there]
    own = left.column("subject.weight").astype(np.float64)[here] if left.has("subject.weight") else np.ones(len(here))
    weights = np.divide(left.weights[here] * right.weights[there], own, out=np.zeros(len(here)), where=own > 0)
    clusters = left.column("subject.cluster").astype(np.int64)[here] if left.has("subject.cluster") else None
    kept = np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1)
    equal = len(weights) == 0 or bool((weights == weights[0]).all())
    return Both(
        first[kept],
        second[kept],
        None if equal else weights[kept],
        None if clusters is None else clusters[kept],
        bool(kept.all()) and len(positions) == rows.n,
    )


def _measure(ledger: Ledger, name: str, values: NDArray[np.float64], held: Both, k: int) -> str:
    """Write the mean; returns what a reader must know of rows that have no value."""
    kept = np.isfinite(values)
    estimate = mean_interval(
        values[kept],
        None if held.weights is None else held.weights[kept],
        clusters=None if held.clusters is None else held.clusters[kept],
    )
    lowest, unit = (-1.0, "") if name == "rank_correlation" else (0.0, "proportion")
    if isinstance(estimate, Interval):
        estimate = replace(estimate, low=max(lowest, estimate.low), high=min(1.0, estimate.high))
    ledger.add(name, estimate, at={"columns": k} if name == "top_overlap" else {}, unit=unit)
    missing = int((~kept).sum())
    return f"{name}: {missing:,} rows with equal attributions throughout have none and are left out." if missing else ""


def _chart(order: NDArray[np.float64]) -> Histogram:
    counts, edges = np.histogram(order, bins=BINS, range=(-1, 1))
    return Histogram(
        title="Agreement on the order of the columns", edges=edges.tolist(), series={"rows": counts.tolist()}, x_label="rank correlation of a row"
    )
