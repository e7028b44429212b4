"""The check `explanation.randomised_weights`: whether attributions change when the network's weights do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart
from audit.check import check
from audit.estimate_bars import estimate_bars
from audit.judge import number
from audit.ledger import Ledger
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, clipped
from audit.methods.statistics.means import mean_interval
from audit.results import Evidence
from audit.row_design import row_design
from audit.rows import Rows

PROBE = "attribution.under_test"


@check(
    title="Explanations of a network with other weights",
    topics=("explanation", "explanation_quality"),
    measures=("rank_correlation", "redraw_deviation", "entropy_rise", "random_entropy_rise"),
    reads=(PROBE,),
    needs={"inputs", "background"},
)
def randomised_weights(rows: Rows, *, insensitive_above: float = 0.5) -> Evidence:
    """Do attributions change when the weights of the network are replaced by random ones?

    Why it matters:
        An explanation that stays the same whatever the network has learned explains the row, or the method, and not the network. Some methods
        in wide use are of this kind, and their pictures look right.

    How to read it:
        The weights of the last layer, or of all layers, are drawn anew several times, and the order of the columns in each new explanation is
        compared with that of the network itself: 1 is the same order, 0 none, -1 reversed. The mean is over rows and redraws, its interval over
        redraws, since the rows of one redraw share their weights. Random numbers would have 0, and an explanation that looks at the row only
        would have 1. Where all weights were drawn anew and the interval lies above the setting `insensitive_above`, halfway between the two,
        the method is called insensitive to weights. An order can correlate by chance and by how a method averages, so a second number asks
        otherwise: a network that has learned leans on some columns, and one drawn at random on none in particular, so the entropy of the
        histogram of its attributions should rise. `entropy_rise` is that rise, relative to the entropy before, with its interval over redraws,
        beside what random numbers in place of the attributions would have. It is shown and not held against anything.

    What it cannot show:
        That an explanation is right: a wrong one may change as well. A single redraw may correlate with the network by chance, and networks
        that add up their columns keep much of the order when only the last layer changes. Entropy need not rise where the network leans on
        all columns alike, or where there are few.

    References:
        Adebayo et al. 2018, Sanity Checks for Saliency Maps, arXiv:1810.03292
        Hedström et al. 2024, Sanity Checks Revisited, arXiv:2401.06465
    """
    name, ledger = f"{PROBE}.weights_correlation", Ledger()
    if not rows.has(name):
        ledger.absent("rank_correlation", "The weights of the network are not at hand, so none could be drawn anew.", rows.n)
        return ledger.evidence()
    view, table = rows.within(PROBE), rows.table(PROBE, "redraws")
    values, weights = view.column(name), row_design(view).weights
    notes, blockers, found = [], [], {}
    for method, layers in dict.fromkeys(zip(table["method"].tolist(), table["layers"].tolist(), strict=True)):
        chosen = (table["method"] == method) & (table["layers"] == layers)
        means, n = _means(values[:, chosen], weights)
        at, estimate = {"method": str(method), "layers": str(layers)}, _over_redraws(means)
        ledger.add("rank_correlation", estimate, at=at, n=n)
        if isinstance(estimate, Interval):
            ledger.exact("redraw_deviation", float(means.std(ddof=1)), n, at=at, method="standard deviation over redraws")
            found[f"{method}, {'all layers' if layers == 'all' else 'last layer'}"] = estimate
        if layers == "all" and isinstance(estimate, Interval) and estimate.low > insensitive_above:
            blockers.append(_insensitive(str(method), estimate))
        if layers == "all" and rows.has(f"{PROBE}.entropy_rise"):
            _rise(ledger, view, str(method), chosen, weights)
    notes.append(f"Each mean rests on {int(chosen.sum())} redraws of the weights.")
    return ledger.evidence(_chart(found), notes, blockers)


def _rise(ledger: Ledger, view: Rows, method: str, chosen: NDArray[np.bool_], weights: NDArray[np.float64] | None) -> None:
    """Write the rise of the entropy over redraws of all weights, and that to random numbers."""
    means, n = _means(view.column(f"{PROBE}.entropy_rise")[:, chosen], weights)
    rise = Undefined("Fewer than two redraws have attributions of three columns or more.", n) if len(means) < 2 else mean_interval(means)
    ledger.add("entropy_rise", rise, at={"method": method}, unit="proportion", n=n)
    table = view.table(PROBE, "redraws")
    place = list(dict.fromkeys(table["method"].tolist())).index(method)
    random = view.column(f"{PROBE}.random_entropy_rise")[:, place]
    known = np.isfinite(random)
    design = row_design(view).of(known)
    control = mean_interval(random[known], design.weights, clusters=design.clusters)
    ledger.add("random_entropy_rise", control, at={"method": method}, unit="proportion")


def _means(values: NDArray[np.float64], weights: NDArray[np.float64] | None) -> tuple[NDArray[np.float64], int]:
    """Mean correlation of each redraw (r,) over the rows (n, r) that have an order in it, and the rows with one in any."""
    known = np.isfinite(values)
    share = known * (np.ones(len(values)) if weights is None else weights)[:, None]
    usable = share.sum(axis=0) > 0
    means = (np.where(known, values, 0.0) * share).sum(axis=0)[usable] / share.sum(axis=0)[usable]
    return means, int(known.any(axis=1).sum())


def _over_redraws(means: NDArray[np.float64]) -> Estimate:
    if len(means) < 2:
        return Undefined("Fewer than two redraws gave attributions with an order: at least three columns must vary.", len(means))
    return clipped(mean_interval(means), -1, 1)


def _insensitive(method: str, estimate: Interval) -> str:
    return (
        f"{method.replace('_', ' ').capitalize()}: insensitive to weights. With all weights drawn anew the order of the columns still correlates "
        f"with that of the network, {number(estimate.value)} on average (95 % interval {number(estimate.low)} to {number(estimate.high)})."
    )


def _chart(found: dict[str, Interval]) -> list[BarChart]:
    if not found:
        return []
    return estimate_bars(
        title="Rank correlation with explanations of networks with other weights",
        categories=[name.replace("_", " ").capitalize() for name in found],
        estimates=list(found.values()),
        x_label="rank correlation",
    )
