"""Probe `attribution.under_test`: explanations of a few rows held against what the network does, and against controls that know nothing of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit.background import draw_background
from audit.brief_explanations import STEPS, FewRows, methods_of
from audit.explained import differentiable, filled, finite, targets, usual_spread
from audit.methods.attribution.agreement import rank_correlation, top_overlap
from audit.methods.attribution.histogram_entropy import histogram_entropy, relative_rise
from audit.methods.attribution.infidelity import infidelity
from audit.methods.attribution.removal import removal_curves
from audit.models.redrawn import redrawable, redrawn
from audit.models.torch_model import TorchModel
from audit.probe import Block, Column, Columns, Prepared, Table, probe
from audit.streams import generator
from audit.subject import Subject

Array = NDArray[np.float64]
RANDOM_ORDERS = 4
"""Random attributions of each row, over which the control is averaged."""
REDRAWN_WALKS = 10
"""Random orders, over the background rows, of Shapley values of networks with other weights."""
FEWEST_PLAYERS = 3
"""With fewer varying players an order says nothing."""
LAYERS: tuple[Literal["last", "all"], ...] = ("last", "all")


@dataclass(frozen=True)
class State:
    """Encoded background rows (b, …), the standard deviation of each output over evaluated rows (k,), and the methods."""

    background: NDArray[Any]
    scale: Array
    methods: tuple[str, ...]
    redraws: bool
    """The weights can be drawn anew."""


@probe(
    columns={
        "target": Column("Position of the explained output; 0 for a network with one output."),
        "varying": Column("Players that differ from the background.", "players"),
        "area": Column("LeRF − MoRF area of each attribution, over the larger of |total - base| and the standard deviation of the output."),
        "first": Column("Output while players are replaced, most relevant first: 21 points for each attribution."),
        "last": Column("Output while players are replaced, least relevant first: 21 points for each attribution."),
        "infidelity": Column("Mean squared error of each attribution about falls, scaled to fit best, over their mean square.", "proportion"),
        "unscaled_infidelity": Column("The same without scaling.", "ratio"),
        "weights_correlation": Column("Rank correlation of attributions of the network and of one with weights drawn anew, for each of the redraws."),
        "entropy_rise": Column("Relative rise of the entropy of the attributions' histogram, from the network to each of the redraws.", "ratio"),
        "random_entropy_rise": Column("The same from each method to random numbers.", "ratio"),
        "half_correlation": Column("Rank correlation of two independent estimates of the Shapley values; 1 where they are enumerated."),
        "half_overlap": Column("Jaccard index of the largest Shapley values of two independent estimates.", "proportion"),
        "exact": Column("1 where Shapley values were enumerated."),
        "max_sensitivity": Column("Largest relative change of integrated gradients under small moves of the row.", "ratio"),
    },
    needs={"inputs", "background"},
    reads=("outputs",),
    sample=50,
    block=25,
)
def under_test(
    block: Block,
    state: State,
    *,
    background: int = 20,  # noqa: ARG001  read by prepare
    walks: int = 100,
    exact_up_to: int = 7,
    steps: int = 20,
    subsets: int = 50,
    redraws: int = 4,
    top: int = 5,
    radius: float = 0.1,
    draws: int = 10,
) -> Columns:
    """Shapley values, occlusion and integrated gradients of a few rows, and how they fare beside random numbers, distances and other weights.

    Shapley values are the mean of two independent estimates from `walks` random orders each; how far the two agree is measured, on all varying
    players and on the `top` largest. Each method, a random attribution (mean over 4), the distance of the row from the background and each
    method on a network with all weights drawn anew get a LeRF − MoRF area from deletion curves of up to `steps` steps, and an infidelity from
    `subsets` random sets of players, against the same background rows. Weights of the last layer, and of all layers, are drawn anew `redraws`
    times; the attributions of these networks rest on a quarter of the background and at least 10 random orders. Integrated gradients are also
    taken of `draws` rows within `radius` standard deviations of the background around each row. Rows without finite outputs get NaN.
    """
    target, known = targets(block), finite(block)
    streams = [stream for stream, keep in zip(block.generators(), known, strict=True) if keep]
    rows = FewRows(block.subject, block.batch.values[known], target[known], streams, state.background)
    one, exact = rows.shapley(walks=walks, exact_up_to=exact_up_to, seed=block.seed % 2**31)
    two = one if exact.all() else rows.shapley(walks=walks, exact_up_to=exact_up_to, seed=block.seed % 2**31 + 1)[0]
    own = _explained(rows, state.methods, (one + two) / 2)
    others = _others(rows, state, exact_up_to, redraws, block.seed) if state.redraws else {}
    measured: dict[str, NDArray[Any]] = {"varying": rows.varying.sum(axis=1).astype(np.int32), "exact": exact.astype(np.int8)}
    measured |= _tested(rows, _stacked(rows, own, others), state.scale, steps, subsets)
    measured |= _stable(rows, one, two, top)
    if others:
        pairs = [(own[method], values[method]) for (_, _), values in others.items() for method in state.methods]
        measured["weights_correlation"] = np.stack([_correlation(rows, mine, other) for mine, other in pairs], axis=1)
    moved = rows.sensitivity(radius=radius, draws=draws) if "integrated_gradients" in state.methods else None
    if moved is not None:
        measured["max_sensitivity"] = moved
    if others:
        measured |= _rises(rows, state.methods, _coarse(rows, state.methods, exact_up_to), others)
    return {"target": target.astype(np.int32), **filled(known, measured)}


def _explained(rows: FewRows, methods: tuple[str, ...], shapley: Array, steps: tuple[int, ...] = STEPS) -> dict[str, Array]:
    found = {"shapley": shapley, "occlusion": rows.occlusion()}
    return found | ({"integrated_gradients": rows.integrated_gradients(steps)} if "integrated_gradients" in methods else {})


def _others(rows: FewRows, state: State, exact_up_to: int, redraws: int, seed: int) -> dict[tuple[str, int], dict[str, Array]]:
    """Attributions of the same outputs of networks with other weights, by layers drawn anew and number of the redraw.

    They are cheaper ones, against every fourth background row: a coarse picture is enough to see whether the weights matter
    at all. What is not finite, as of a network whose outputs grew beyond all bounds, counts as 0.
    """
    model = rows.subject.model
    found: dict[tuple[str, int], dict[str, Array]] = {}
    if not isinstance(model, TorchModel):
        raise TypeError("only a network whose weights are at hand can be redrawn")
    for layers, draw in product(LAYERS, range(redraws)):
        with redrawn(model.module, generator(seed, f"redrawn weights {layers}", draw), layers=layers):
            found[layers, draw] = _coarse(rows, state.methods, exact_up_to)
    return found


def _coarse(rows: FewRows, methods: tuple[str, ...], exact_up_to: int) -> dict[str, Array]:
    """Cheaper attributions of the network as it is at the moment."""
    fewer = replace(rows, background=rows.background[::4])
    shapley, _ = fewer.shapley(walks=REDRAWN_WALKS, exact_up_to=exact_up_to, estimator="permutation")
    return {method: np.where(np.isfinite(held), held, 0.0) for method, held in _explained(fewer, methods, shapley, STEPS[:1]).items()}


def _rises(rows: FewRows, methods: tuple[str, ...], own: dict[str, Array], others: dict[tuple[str, int], dict[str, Array]]) -> dict[str, Array]:
    """Relative rises of the entropy in the order of the table `redraws`, (n, r), and to random numbers, (n, methods)."""
    random = np.array([stream.normal(size=rows.players) for stream in rows.streams]).reshape(len(rows.streams), rows.players)
    before, chance = {method: _entropy(rows, own[method]) for method in methods}, _entropy(rows, random)
    return {
        "entropy_rise": np.stack(
            [relative_rise(before[method], _entropy(rows, values[method])) for values in others.values() for method in methods], axis=1
        ),
        "random_entropy_rise": np.stack([relative_rise(before[method], chance) for method in methods], axis=1),
    }


def _stacked(rows: FewRows, own: dict[str, Array], others: dict[tuple[str, int], dict[str, Array]]) -> Array:
    """Attributions (n, a, players) in the order of the table `attributions`, then all but one of the random ones."""
    redraw = list(others.get(("all", 0), {}).values())
    random = [stream.normal(size=(RANDOM_ORDERS, rows.players)) for stream in rows.streams]
    known = np.stack([*own.values(), *redraw, rows.distance()], axis=1)
    return np.concatenate([known, np.array(random).reshape(len(known), RANDOM_ORDERS, rows.players)], axis=1)


def _tested(rows: FewRows, values: Array, scale: Array, steps: int, subsets: int) -> dict[str, Array]:
    """Areas, curves and infidelities, (n, a) or (n, a · points)."""
    n, model = len(values), differentiable(rows.subject)
    shown = values.shape[1] - RANDOM_ORDERS + 1
    found = {name: np.zeros((n, shown)) for name in ("area", "infidelity", "unscaled_infidelity")}
    found |= {name: np.zeros((n, shown * (steps + 1))) for name in ("first", "last")}
    with model.session(gradients=False) as network:
        for part in rows.parts:
            streams, target, here = [rows.streams[place] for place in part.places], rows.target[part.places], values[part.places]
            inputs, absent = model.tensor(rows.values[part.places]), model.tensor(part.absent)
            curves = removal_curves(
                network, inputs, absent, part.owner, here, target=target, players=rows.players, ties=streams, scale=scale, steps=steps
            )
            falls = infidelity(network, inputs, absent, part.owner, here, target=target, players=rows.players, streams=streams, subsets=subsets)
            each = {"area": curves.relative_area, "infidelity": falls.scaled, "unscaled_infidelity": falls.relative}
            for name, one in (each | {"first": curves.first, "last": curves.last}).items():
                found[name][part.places] = _random_averaged(one).reshape(len(here), found[name].shape[1])
    return found


def _random_averaged(values: Array) -> Array:
    """The last attributions of (n, a, …), the random ones, as their mean."""
    known = values.shape[1] - RANDOM_ORDERS
    return np.concatenate([values[:, :known], values[:, known:].mean(axis=1, keepdims=True)], axis=1)


def _stable(rows: FewRows, one: Array, two: Array, top: int) -> dict[str, Array]:
    overlap = np.full(len(one), np.nan)
    for mask, places in _alike(rows.varying):
        if mask.sum() >= FEWEST_PLAYERS:
            overlap[places] = top_overlap(one[places][:, mask], two[places][:, mask], min(top, int(mask.sum()) - 1))
    order = _correlation(rows, one, two)
    return {"half_correlation": order, "half_overlap": np.where(np.isfinite(order), overlap, np.nan)}


def _entropy(rows: FewRows, values: Array) -> Array:
    """Entropy of the histogram over the varying players, (n,); NaN where there are fewer than three."""
    found = np.full(len(values), np.nan)
    for mask, places in _alike(rows.varying):
        if mask.sum() >= FEWEST_PLAYERS:
            found[places] = histogram_entropy(values[places][:, mask])
    return found


def _correlation(rows: FewRows, one: Array, two: Array) -> Array:
    """Rank correlation over the varying players, (n,); NaN where there are fewer than three, or all are equal."""
    found = np.full(len(one), np.nan)
    for mask, places in _alike(rows.varying):
        if mask.sum() >= FEWEST_PLAYERS:
            found[places] = rank_correlation(one[places][:, mask], two[places][:, mask])
    return found


def _alike(varying: NDArray[np.bool_]) -> list[tuple[NDArray[np.bool_], NDArray[np.int64]]]:
    """Rows in which the same players vary."""
    masks, part = np.unique(varying, axis=0, return_inverse=True)
    return [(mask, np.flatnonzero(part.reshape(-1) == number)) for number, mask in enumerate(masks)]


@under_test.prepare
def prepare(subject: Subject, *, background: int = 20, redraws: int = 4) -> Prepared:
    """Draw the background, and name what is compared."""
    differentiable(subject)
    methods, redraw = methods_of(subject), isinstance(subject.model, TorchModel) and redrawable(subject.model.module) and redraws > 0
    notes = []
    if "integrated_gradients" not in methods:
        notes.append(subject.why_not("gradients"))
    if not redraw:
        notes.append("The weights of the network are not at hand, so no network with other weights was explained.")
    tables: dict[str, Table] = {"attributions": _attributions(methods, redraw), "players": {"name": list(subject.players.names)}}
    if redraw:
        named = [(method, layers, draw) for layers in LAYERS for draw in range(redraws) for method in methods]
        tables["redraws"] = {name: [row[at] for row in named] for at, name in enumerate(("method", "layers", "draw"))}
    return Prepared(State(draw_background(subject, background), usual_spread(subject), methods, redraw), tables, tuple(notes))


def _attributions(methods: tuple[str, ...], redraw: bool) -> Table:
    """Columns name, method (empty for a control that is none) and control (0 or 1)."""
    named = [(method, method, 0) for method in methods] + [(f"{method}, other weights", method, 1) for method in methods if redraw]
    named += [("distance from the background", "", 1), ("random", "", 1)]
    return {name: [row[at] for row in named] for at, name in enumerate(("name", "method", "control"))}
