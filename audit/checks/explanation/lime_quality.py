"""The check `explanation.lime_quality`: whether LIME's linear models describe the network, and come out alike when drawn again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import Chart, Histogram
from audit.check import check
from audit.ledger import Ledger
from audit.methods.statistics.censored import censored_quantile
from audit.methods.statistics.group_shares import one_share
from audit.methods.statistics.intervals import Estimate, Undefined
from audit.methods.statistics.means import mean_interval
from audit.methods.statistics.proportions import proportion_interval
from audit.results import Evidence
from audit.row_design import RowDesign, row_design
from audit.rows import Rows

LIME = "attribution.lime"
SHAPLEY = "attribution.shapley"
OTHER_UNITS = "Shapley values were divided among other units than LIME's columns."
EDGES = tuple(round(-1 + 0.1 * step, 1) for step in range(21))


@dataclass(frozen=True)
class Pair:
    """LIME's largest coefficient of each row, and the Shapley value of the same column and the same direction of output, (n,) each."""

    lime: NDArray[np.float64]
    shapley: NDArray[np.float64]
    design: RowDesign


@check(
    title="Fit and stability of LIME",
    topics=("explanation", "explanation_quality"),
    measures=("surrogate_r2", "poor_fit_share", "rank_stability", "sign_disagreement"),
    reads=("outputs", LIME),
    optional=(SHAPLEY,),
    needs={"inputs", "background"},
)
def lime_quality(rows: Rows, *, quantiles: tuple[float, ...] = (0.1, 0.5, 0.9), poor_below: float = 0.3) -> Evidence:
    """Do LIME's local linear models describe the network, and do they come out alike when drawn again?

    Why it matters:
        LIME explains a row by the coefficients of a linear model fitted to the network on random rows. Where that model fits badly its
        coefficients describe something other than the network, and where another draw gives another order, a reason read from them is
        partly chance.

    How to read it:
        The weighted R² is the part of the network's variation on the drawn rows that the linear model follows, 1 at most. Rows below
        `poor_below` count as poorly fitted; that limit of 0.3 is a convention, not a result of research. Rank stability is the mean rank
        correlation of the coefficients between independent draws: 1 for the same order every time, near 0 for chance. The sign disagreement
        is the share of rows whose largest coefficient points the other way than the Shapley value of the same column, where both were
        measured. The two ask different questions (this bin against other bins; this value against the background), so some
        disagreement is to be expected. All rows share the same draws, so their errors go together and intervals over rows do not hold them.

    What it cannot show:
        Whether a well fitted, stable linear model gives the true reasons. LIME draws every column on its own, so it asks the network about
        combinations that never occur, and a network can answer differently there than on real rows.

    References:
        Ribeiro, Singh & Guestrin 2016, Why Should I Trust You?, arXiv:1602.04938
        Visani et al. 2022, Statistical stability indices for LIME, doi:10.1080/01605682.2020.1865846
        Slack et al. 2020, Fooling LIME and SHAP, arXiv:1911.02508
    """
    if not rows.has(f"{LIME}.r2"):
        return _nothing(rows.why_absent(LIME))
    held = rows.within(LIME)
    r2, stable = held.column(f"{LIME}.r2"), held.column(f"{LIME}.stability")
    ledger, design = Ledger(census=rows.facts.census and held.n == rows.n), row_design(held)
    fitted, steady = np.isfinite(r2), np.isfinite(stable)
    for q in quantiles:
        ledger.add("surrogate_r2", _quantile(r2[fitted], q, design.of(fitted)), at={"quantile": q})
    ledger.add("poor_fit_share", _share((r2 < poor_below)[fitted], design.of(fitted)), at={"below": poor_below}, unit="proportion")
    ledger.add("rank_stability", _stability(stable[steady], design.of(steady)))
    pair = _pair(rows)
    if pair is None:
        ledger.absent("sign_disagreement", rows.why_absent(SHAPLEY) if not rows.has(f"{SHAPLEY}.values") else OTHER_UNITS, 0)
    else:
        ledger.add("sign_disagreement", _share(pair.lime * pair.shapley < 0, pair.design), unit="proportion")
    return ledger.evidence(_charts(r2[fitted], stable[steady]), _notes(held, rows.n, fitted, design))


def _nothing(reason: str) -> Evidence:
    ledger = Ledger()
    for name in ("surrogate_r2", "poor_fit_share", "rank_stability", "sign_disagreement"):
        ledger.absent(name, reason, 0)
    return ledger.evidence()


def _quantile(values: NDArray[np.float64], q: float, design: RowDesign) -> Estimate:
    return censored_quantile(values, np.zeros(len(values), dtype=np.bool_), q, largest=1.0, weights=design.weights, clusters=design.clusters)


def _share(selected: NDArray[np.bool_], design: RowDesign) -> Estimate:
    return proportion_interval(one_share(selected, weights=design.weights, clusters=design.clusters))


def _stability(values: NDArray[np.float64], design: RowDesign) -> Estimate:
    if not len(values):
        return Undefined("Stability needs at least two neighbourhoods (setting sets) and columns with different coefficients.", 0)
    return mean_interval(values, design.weights, clusters=design.clusters)


def _pair(rows: Rows) -> Pair | None:
    """Rows that both methods explained; each was drawn on its own, so a row is in both samples with the product of the two probabilities."""
    if not rows.has(f"{SHAPLEY}.values"):
        return None
    left, right = rows.within(LIME), rows.within(SHAPLEY)
    if left.table(LIME, "players")["name"].tolist() != right.table(SHAPLEY, "players")["name"].tolist():
        return None
    _, here, there = np.intersect1d(left.positions, right.positions, return_indices=True)
    coefficients = left.column(f"{LIME}.values")[here]
    values = right.column(f"{SHAPLEY}.values")[there] * _direction(left, right, here, there)[:, None]
    own = left.column("subject.weight").astype(np.float64)[here] if left.has("subject.weight") else np.ones(len(here))
    weights = np.divide(left.weights[here] * right.weights[there], own, out=np.zeros(len(here)), where=own > 0)
    clusters = left.column("subject.cluster").astype(np.int64)[here] if left.has("subject.cluster") else None
    top = np.argmax(np.abs(np.nan_to_num(coefficients)), axis=1)
    first, second = coefficients[np.arange(len(here)), top], values[np.arange(len(here)), top]
    kept = np.isfinite(first) & np.isfinite(second) & (first != 0) & (second != 0)
    equal = len(weights) == 0 or bool((weights == weights[0]).all())
    return Pair(first[kept], second[kept], RowDesign(None if equal else weights, clusters).of(kept))


def _direction(left: Rows, right: Rows, here: NDArray[np.int64], there: NDArray[np.int64]) -> NDArray[np.float64]:
    """-1 where LIME explains class 0 of a binary network and Shapley values its one output, which speaks for class 1; else 1."""
    if not left.facts.two_classes or left.column("outputs.output").shape[1] != 1:
        return np.ones(len(here))
    explained, output = left.column(f"{LIME}.target")[here], right.column(f"{SHAPLEY}.target")[there]
    return np.where((explained == 0) & (output == 0) & left.has("outputs.probability"), -1.0, 1.0)


def _notes(held: Rows, total: int, fitted: NDArray[np.bool_], design: RowDesign) -> list[str]:
    notes = [f"{held.n:,} of {total:,} rows were explained."] if held.n < total else []
    if not fitted.all():
        notes.append(f"{int((~fitted).sum()):,} rows have no R²: their output is not finite or does not vary on the drawn rows.")
    return [*notes, design.note] if design.note else notes


def _charts(r2: NDArray[np.float64], stable: NDArray[np.float64]) -> list[Chart]:
    shown = {"R² of the surrogate of a row": r2, "rank correlation between draws": stable}
    return [
        Histogram(title=f"LIME: {name}", edges=EDGES, series={"rows": np.histogram(np.clip(values, -1, 1), bins=EDGES)[0].tolist()}, x_label=name)
        for name, values in shown.items()
        if len(values)
    ]
