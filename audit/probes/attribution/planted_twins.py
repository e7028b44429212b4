"""Probe `attribution.planted_twins`: attributions of twins of the network, whose true attributions are known in part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.background import Against, draw_background
from audit.baseline_rows import at_once, rows_at_once
from audit.brief_explanations import STEPS, FewRows, methods_of
from audit.errors import MethodError, ModelError
from audit.explained import differentiable, filled, finite, targets, usual_spread
from audit.lime_twins import LimeTwins, lime_twins
from audit.methods.attribution.deep_shap import deep_shap
from audit.methods.attribution.game import Network
from audit.methods.attribution.integrated_gradients import integrated_gradients
from audit.methods.attribution.occlusion import occlusion
from audit.methods.attribution.planted_twins import asymmetry, dummy_share, nonlinearity, twins_of, with_line
from audit.methods.attribution.players import per_player
from audit.methods.attribution.shapley import drawn_by, shapley_values
from audit.models.model import DifferentiableModel
from audit.probe import Block, Column, Columns, Prepared, Table, probe
from audit.streams import generator
from audit.subject import Subject

Array = NDArray[np.float64]
DEEP, LIME = "deep_shap", "lime"
CHOOSING = 8
"""Evaluated rows by which the player is chosen that is planted a second time."""


@dataclass(frozen=True)
class State:
    """Encoded background (b, …), the methods, the player that is planted again, a line's slope by entry (entries,), and LIME's draws."""

    background: NDArray[Any]
    methods: tuple[str, ...]
    player: int
    slope: Array
    lime: LimeTwins | None


@probe(
    columns={
        "target": Column("Position of the explained output; 0 for a network with one output."),
        "dummy": Column("Part of each attribution of the ignoring twin that goes to the player it ignores.", "proportion"),
        "asymmetry": Column("Distance of the attributions of two symmetric players, over the absolute attribution of the row.", "ratio"),
        "nonlinearity": Column("Distance of attributions of network plus line from their sum, over their absolute sum; missing for LIME.", "ratio"),
    },
    needs={"inputs", "background", "movable", "same_players"},
    reads=("outputs",),
    sample=20,
    block=20,
)
def planted_twins(
    block: Block,
    state: State,
    *,
    background: int = 10,  # noqa: ARG001  read by prepare
    walks: int = 400,
    exact_up_to: int = 7,
    samples: int = 2000,  # noqa: ARG001
    sets: int = 3,  # noqa: ARG001
    propagated: bool = False,  # noqa: ARG001
) -> Columns:
    """Attributions of three twins of the network, row by row, with `background` rows for what is absent.

    One twin ignores a further player, a copy of the one that matters most; one looks at the mean of that player and its copy; one adds a line.
    Shapley values by at least `walks` random orders where more than `exact_up_to` players vary, occlusion, integrated gradients, where
    `propagated` DeepSHAP, and for tables LIME on `sets` neighbourhoods of `samples` rows. Controls are random numbers and the distance of the row
    from the background. Rows without finite outputs get NaN.
    """
    target, known = targets(block), finite(block)
    streams = [[stream for stream, keep in zip(block.generators(), known, strict=True) if keep] for _ in range(3)]
    rows = FewRows(block.subject, block.batch.values[known], target[known], streams[0], state.background)
    names = (*state.methods, *([LIME] if state.lime is not None else []), "distance", "random")
    found = {name: np.full((len(rows.values), len(names)), np.nan) for name in ("dummy", "asymmetry", "nonlinearity")}
    for part in rows.parts:
        each = _Part(rows, part, state, walks, exact_up_to, streams[1:])
        for column, method in enumerate(state.methods):
            for name, values in zip(found, each.measured(method), strict=True):
                found[name][part.places, column] = values
    if state.lime is not None:
        dummy, apart = state.lime.measured(block, known)
        found["dummy"][:, len(state.methods)], found["asymmetry"][:, len(state.methods)] = dummy, apart
    far, random = rows.distance(), np.array([stream.normal(size=(3, rows.players + 1)) for stream in streams[0]])
    random = random.reshape(len(far), 3, rows.players + 1)
    # Neither knows the network, so each is asked about sum, network and line alike: the distance says the same of all three.
    controls = {
        "distance": (np.concatenate([far, far[:, [state.player]]], axis=1), 2 * far),
        "random": (random[:, 0], random[:, 1:, :-1].sum(axis=1)),
    }
    for place, (values, parts) in enumerate(controls.values(), start=len(names) - 2):
        found["dummy"][:, place], found["asymmetry"][:, place] = dummy_share(values), asymmetry(values, state.player)
        found["nonlinearity"][:, place] = nonlinearity(values[:, :-1], parts)
    return {"target": target.astype(np.int32), **filled(known, found)}


def _line(rows: FewRows, state: State) -> Array:
    """Attributions of the line (n, players): slope times distance from the mean of what is absent."""
    found = np.zeros((len(rows.values), rows.players))
    for part in rows.parts:
        moved = rows.values[part.places].astype(np.float64) - part.absent.astype(np.float64).mean(axis=0)
        found[part.places] = per_player(moved.reshape(len(part.places), -1) * state.slope, part.owner, rows.players)
    return found


@dataclass(frozen=True)
class _Part:
    """Rows that share what is absent; `streams` are twice the same, so that the network and its sum with a line meet the same draws."""

    rows: FewRows
    part: Against
    state: State
    walks: int
    exact_up_to: int
    streams: list[list[np.random.Generator]]

    def measured(self, method: str) -> tuple[Array, Array, Array]:
        """Dummy share, asymmetry and nonlinearity, (m,) each."""
        model, players, player = differentiable(self.rows.subject), self.rows.players, self.state.player
        inputs, absent = model.tensor(self.rows.values[self.part.places]), model.tensor(self.part.absent)
        with model.session(gradients=method in ("integrated_gradients", DEEP)) as network:
            twins = twins_of(network, inputs, self.part.owner, player=player, players=players)
            more = (twins.extended(inputs), twins.extended(absent), twins.owner, players + 1)
            ignoring, sharing = (self.of(method, twin, *more, self.rows.streams) for twin in (twins.ignoring, twins.sharing))
            line = with_line(network, torch.as_tensor(self.state.slope, dtype=inputs.dtype, device=inputs.device))
            plain = (inputs, absent, self.part.owner, players)
            summed, alone = self.of(method, line, *plain, self.streams[0]), self.of(method, network, *plain, self.streams[1])
        apart = nonlinearity(summed, alone + _line(self.rows, self.state)[self.part.places])
        return dummy_share(ignoring), asymmetry(sharing, player), apart

    def of(  # noqa: PLR0917  what is explained, then by what
        self,
        method: str,
        network: Network,
        inputs: Tensor,
        absent: Tensor,
        owner: NDArray[np.int64],
        players: int,
        streams: Sequence[np.random.Generator],
    ) -> Array:
        """Attributions (m, players)."""
        chosen = self.rows.target[self.part.places]
        target, size = torch.as_tensor(chosen, device=inputs.device), at_once(differentiable(self.rows.subject))
        if method == "shapley":
            draws = [drawn_by(streams[place], len(absent), players) for place in self.part.places]
            pairs = max(2, -(-self.walks // len(absent)))
            most = rows_at_once(differentiable(self.rows.subject), self.rows.values, gradients=False)
            options: dict[str, Any] = {"exact_up_to": self.exact_up_to, "pairs": pairs, "estimator": "permutation", "chunk": most}
            return shapley_values(network, inputs, absent, owner, players=players, draws=draws, **options).values[np.arange(len(chosen)), :, chosen]
        if method == "occlusion":
            windows = (owner == np.arange(players)[:, None]).reshape(-1, *inputs.shape[1:])
            return occlusion(network, inputs, absent, windows, target, chunk=size).values
        if method == DEEP:
            return per_player(deep_shap(network, inputs, absent, target, chunk=size).values, owner, players)
        found = integrated_gradients(network, inputs, absent, target, steps=STEPS[-1:], chunk=size)  # as many for a sum as for its parts
        return per_player(found.values, owner, players)


@planted_twins.prepare
def prepare(subject: Subject, *, background: int = 10, samples: int = 2000, sets: int = 3, propagated: bool = False) -> Prepared:
    """Draw the background and LIME's rows, choose the player that is planted again, and draw the line."""
    model, drawn = differentiable(subject), draw_background(subject, background)
    if not model.tensor(drawn).is_floating_point():
        raise MethodError("the network's inputs are whole numbers, of which no mean of two can be taken")
    stream = generator(subject.seed, f"planted twins {subject.evaluate.digest}")
    chosen = np.sort(stream.permutation(subject.evaluate.n_rows)[:CHOOSING]).astype(np.int64)
    values = subject.encode(subject.evaluate.take(chosen)).values
    few = FewRows(subject, values, np.zeros(len(values), dtype=np.int64), (), drawn)
    size = np.nan_to_num(np.abs(few.occlusion()), posinf=0.0).mean(axis=0)
    player, entries = int(np.argmax(size)), values.reshape(len(values), -1).astype(np.float64)
    spread = np.concatenate([entries, drawn.reshape(len(drawn), -1).astype(np.float64)]).std(axis=0)
    length, usual = float(usual_spread(subject).max()) or 1.0, float(spread.mean()) or 1.0
    slope = stream.normal(size=len(spread)) * length / (np.sqrt(len(spread)) * np.maximum(spread, usual))
    methods, notes = methods_of(subject), list[str]()
    if propagated:
        methods = (*methods, *_deep(model, values, notes))
    lime = None
    try:
        lime = lime_twins(subject, player, samples=samples, sets=sets)
    except MethodError as error:
        notes.append(f"LIME was not asked: {error}.")
    names = (*methods, *([LIME] if lime is not None else []), "distance", "random")
    tables: dict[str, Table] = {
        "attributions": {"name": list(names), "control": [int(name in ("distance", "random")) for name in names]},
        "planted": {"name": [subject.players.names[player]]},
    }
    return Prepared(State(drawn, methods, player, slope, lime), tables, tuple(notes))


def _deep(model: DifferentiableModel, values: NDArray[Any], notes: list[str]) -> tuple[str, ...]:
    """DeepSHAP where it has a rule for every operator."""
    inputs = model.tensor(values)
    try:
        with model.session(gradients=True) as network:
            deep_shap(network, inputs[:1], inputs[:2], torch.zeros(1, dtype=torch.int64, device=inputs.device))
    except (MethodError, ModelError) as error:
        notes.append(f"DeepSHAP was not asked: {error}.")
        return ()
    return (DEEP,)
