"""Probe `attribution.planted_twins`: attributions of twins of the network, whose true attributions are known in part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.background import Against, draw_background
from audit.baseline_rows import at_once, rows_and_baselines, rows_at_once
from audit.brief_explanations import STEPS, FewRows, methods_of
from audit.errors import MethodError, ModelError
from audit.explained import differentiable, filled, finite, smooth, targets, usual_spread
from audit.lime_twins import LimeTwins, lime_twins
from audit.methods.attribution.answers import Network
from audit.methods.attribution.deep_shap import deep_shap
from audit.methods.attribution.integrated_gradients import integrated_gradients
from audit.methods.attribution.occlusion import occlusion
from audit.methods.attribution.planted_twins import asymmetry, dummy_share, nonlinearity, numbers_of, twins_of, with_line
from audit.methods.attribution.players import per_player
from audit.methods.attribution.shapley import drawn_by, shapley_values
from audit.probe import Block, Column, Columns, Prepared, Table, probe
from audit.streams import generator
from audit.subject import Subject

Array = NDArray[np.float64]
DEEP, LIME = "deep_shap", "lime"
SMOOTH = {"integrated_gradients", DEEP}
"""Methods that go along gradients."""
CHOOSING = 8
"""Evaluated rows by which the player is chosen that is planted a second time."""


@dataclass(frozen=True)
class State:
    """Encoded background (b, …), the methods, the player that is planted again (None: the one of each row that matters most), and LIME's draws.

    The slope of a line by entry of a row (entries,), and by entry of its smooth leaf, where token ids are replaced by embeddings.
    """

    background: NDArray[Any]
    methods: tuple[str, ...]
    player: int | None
    slope: Array
    smooth_slope: Array
    lime: LimeTwins | None


@probe(
    columns={
        "target": Column("Position of the explained output; 0 for a network with one output."),
        "dummy": Column("Part of each attribution of the ignoring twin that goes to the player it ignores.", "proportion"),
        "asymmetry": Column("Distance of the attributions of two symmetric players, over the absolute attribution of the row.", "ratio"),
        "nonlinearity": Column("Distance of attributions of network plus line from their sum, over their absolute sum; missing for LIME.", "ratio"),
    },
    needs={"inputs", "background"},
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

    One twin ignores a further player, a copy of the one that matters most; one looks at the mean of that player and its copy; one adds a line. Of
    words there is no mean, nor a line through them: where words are exchanged, the second answers with the mean of its answers to the one and to the
    other, and the line goes through numbers that stand for them; gradients meet means and a line of embeddings. Where players are words or each
    row's own, what is planted again is what matters most in each row.

    Shapley values by at least `walks` random orders where more than `exact_up_to` players vary, occlusion, integrated gradients, where
    `propagated` DeepSHAP, and for tables LIME on `sets` neighbourhoods of `samples` rows. Controls are random numbers and the distance of the row
    from the background. Rows without finite outputs get NaN.
    """
    target, known = targets(block), finite(block)
    streams = [[stream for stream, keep in zip(block.generators(), known, strict=True) if keep] for _ in range(3)]
    rows = FewRows(block.subject, block.batch.values[known], target[known], streams[0], state.background)
    planted = _effects(rows).argmax(axis=1) if state.player is None else np.full(len(rows.values), state.player, dtype=np.int64)
    names = (*state.methods, *([LIME] if state.lime is not None else []), "distance", "random")
    found = {name: np.full((len(rows.values), len(names)), np.nan) for name in ("dummy", "asymmetry", "nonlinearity")}
    for whole in rows.parts:
        for player in np.unique(planted[whole.places]).tolist():
            part = replace(whole, places=whole.places[planted[whole.places] == player])
            each = _Part(rows, part, state, player, walks, exact_up_to, streams[1:])
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
        "distance": (np.concatenate([far, np.take_along_axis(far, planted[:, None], axis=1)], axis=1), 2 * far),
        "random": (random[:, 0], random[:, 1:, :-1].sum(axis=1)),
    }
    for place, (values, parts) in enumerate(controls.values(), start=len(names) - 2):
        found["dummy"][:, place], found["asymmetry"][:, place] = dummy_share(values), asymmetry(values, planted)
        found["nonlinearity"][:, place] = nonlinearity(values[:, :-1], parts)
    return {"target": target.astype(np.int32), **filled(known, found)}


def _effects(rows: FewRows) -> Array:
    """How much the output changes with the replacement of each player, (n, players); 0 where it is no finite number."""
    return np.asarray(np.nan_to_num(np.abs(rows.occlusion()), posinf=0.0))


@dataclass(frozen=True)
class _Seen:
    """Rows (m, …), what is absent, the player of each entry of a flattened row, and the line through its `numbers`, as one method sees them."""

    inputs: Tensor
    absent: Tensor
    owner: NDArray[np.int64]
    ids: NDArray[np.bool_]
    slope: Array

    @property
    def dtype(self) -> torch.dtype:
        """Of the line."""
        return self.inputs.dtype if self.inputs.is_floating_point() else torch.get_default_dtype()

    def numbers(self, flat: Tensor) -> Tensor:
        """What the line goes through."""
        return numbers_of(flat, self.ids, self.dtype)

    def line(self, players: int) -> Array:
        """Attributions of the line (m, players): slope times distance from the mean of what is absent."""
        m, entries = len(self.inputs), len(self.owner)
        rows, absent = (self.numbers(one.reshape(-1, entries)).double() for one in (self.inputs, self.absent))
        moved = rows - (absent.view(m, -1, entries).mean(dim=1) if self.absent.ndim > self.inputs.ndim else absent.mean(dim=0))
        return per_player(moved.detach().cpu().numpy() * self.slope, self.owner, players)


@dataclass(frozen=True)
class _Part:
    """Rows that share what is absent and which player is planted again; `streams` are twice the same, so that the network and its sum with a line
    meet the same draws."""

    rows: FewRows
    part: Against
    state: State
    player: int
    walks: int
    exact_up_to: int
    streams: list[list[np.random.Generator]]

    def measured(self, method: str) -> tuple[Array, Array, Array]:
        """Dummy share, asymmetry and nonlinearity, (m,) each."""
        model, players, seen = differentiable(self.rows.subject), self.rows.players, self.seen(smoothly=method in SMOOTH)
        with model.session(gradients=method in SMOOTH) as network:
            twins = twins_of(network, seen.inputs, seen.owner, player=self.player, players=players, ids=bool(seen.ids.any()))
            more = (twins.extended(seen.inputs), twins.extended(seen.absent), twins.owner, players + 1)
            ignoring, sharing = (self.of(method, twin, *more, self.rows.streams) for twin in (twins.ignoring, twins.sharing))
            line = with_line(network, torch.as_tensor(seen.slope, dtype=seen.dtype, device=seen.inputs.device), seen.numbers)
            plain = (seen.inputs, seen.absent, seen.owner, players)
            summed, alone = self.of(method, line, *plain, self.streams[0]), self.of(method, network, *plain, self.streams[1])
        return dummy_share(ignoring), asymmetry(sharing, self.player), nonlinearity(summed, alone + seen.line(players))

    def seen(self, *, smoothly: bool) -> _Seen:
        """The rows as they are, or as a leaf that can be changed by a little."""
        subject, part = self.rows.subject, self.part
        values, model = self.rows.values[part.places], differentiable(subject)
        if not smoothly:
            return _Seen(model.tensor(values), model.tensor(part.absent), part.owner, self.rows.ids, self.state.slope)
        leaf = smooth(subject)
        inputs, baselines = rows_and_baselines(subject, leaf, values, self.rows.background)
        owner = part.owner[leaf.smooth_entries(values.shape[1:]).origin]
        return _Seen(inputs, baselines, owner, np.zeros(len(owner), dtype=np.bool_), self.state.smooth_slope)

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
    drawn, stream = draw_background(subject, background), generator(subject.seed, f"planted twins {subject.evaluate.digest}")
    chosen = np.sort(stream.permutation(subject.evaluate.n_rows)[:CHOOSING]).astype(np.int64)
    values = subject.encode(subject.evaluate.take(chosen)).values
    few = FewRows(subject, values, np.zeros(len(values), dtype=np.int64), (), drawn)
    player = None
    if not (subject.players.by_row or few.ids.any()):
        player = int(np.argmax(_effects(few).mean(axis=0)))
    methods, notes = methods_of(subject), list[str]()
    slope, smooth_slope = _slopes(few, stream, smoothly=bool(set(methods) & SMOOTH))
    if propagated:
        methods = (*methods, *_deep(few, notes))
    lime = None
    try:
        if player is None:
            raise MethodError("its twins are made for tables whose raw columns are the players")
        lime = lime_twins(subject, player, samples=samples, sets=sets)
    except MethodError as error:
        notes.append(f"LIME was not asked: {error}.")
    names = (*methods, *([LIME] if lime is not None else []), "distance", "random")
    tables: dict[str, Table] = {
        "attributions": {"name": list(names), "control": [int(name in ("distance", "random")) for name in names]},
        "planted": {"name": ["what matters most in each row" if player is None else subject.players.names[player]]},
    }
    return Prepared(State(drawn, methods, player, slope, smooth_slope, lime), tables, tuple(notes))


def _slopes(few: FewRows, stream: np.random.Generator, *, smoothly: bool) -> tuple[Array, Array]:
    """Slopes of a line by entry of a row and, where `smoothly` is asked for and it is another, by entry of a smooth leaf."""
    subject, values, ids, length = few.subject, few.values, few.ids, float(usual_spread(few.subject).max()) or 1.0

    def slope(*rows: Tensor) -> Array:
        """As long as the output usually varies, and of about as much at every entry."""
        spread = torch.cat(rows).double().std(dim=0, unbiased=False).detach().cpu().numpy()
        usual = float(spread.mean()) or 1.0
        found: Array = stream.normal(size=len(spread)) * length / (np.sqrt(len(spread)) * np.maximum(spread, usual))
        return found

    flat = (torch.from_numpy(one.reshape(len(one), len(ids)).astype(np.float64)) for one in (values, few.background))
    own = slope(*(numbers_of(one, ids, torch.float64) for one in flat))
    if not (smoothly and ids.any()):
        return own, own
    leaf = smooth(subject)
    fixed = leaf.smooth_entries(values.shape[1:]).fixed
    return own, np.where(fixed, 0.0, slope(*(one.reshape(-1, len(fixed)) for one in rows_and_baselines(subject, leaf, values, few.background))))


def _deep(few: FewRows, notes: list[str]) -> tuple[str, ...]:
    """DeepSHAP where it has a rule for every operator."""
    try:
        model = smooth(few.subject)
        inputs, baselines = rows_and_baselines(few.subject, model, few.values[:1], few.background)
        with model.session(gradients=True) as network:
            deep_shap(network, inputs, baselines, torch.zeros(1, dtype=torch.int64, device=inputs.device))
    except (MethodError, ModelError) as error:
        notes.append(f"DeepSHAP was not asked: {error}.")
        return ()
    return (DEEP,)
