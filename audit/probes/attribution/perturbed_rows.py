"""Probe `attribution.perturbed_rows`: rows that Shapley values and LIME ask the network about, beside real rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.background import draw_background
from audit.data.dataset import RowBlock
from audit.decide import decide
from audit.errors import MethodError
from audit.explained import differentiable, explained_outputs
from audit.lime_columns import reference_of, samplers_of, spread_rows
from audit.methods.attribution.distinguishable import (
    detector,
    detector_scores,
    drawn_coalitions,
    folds_of,
    kernel_regression,
    least_half,
    transfer,
)
from audit.methods.lime.neighbourhood import column_codes, draw_neighbourhood
from audit.methods.lime.surrogate import surrogates
from audit.probe import Block, Columns, Prepared, Table, probe
from audit.streams import generator
from audit.subject import Subject

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@probe(columns={}, scope="subject", needs={"inputs", "background", "columns"})
def perturbed_rows(
    block: Block,  # noqa: ARG001  everything is done in prepare
    state: None,  # noqa: ARG001
    *,
    real: int = 400,  # noqa: ARG001
    copies: int = 4,  # noqa: ARG001
    explained: int = 20,  # noqa: ARG001
    draws: int = 600,  # noqa: ARG001
    background: int = 100,  # noqa: ARG001
    folds: int = 3,  # noqa: ARG001
) -> Columns:
    """What a forest makes of real rows and of the rows that Shapley values and LIME would ask about in their place.

    Of `real` evaluated rows `copies` each are made as Shapley values make them (some columns taken from one of `background` reference rows) and
    as LIME draws them (every column on its own). Over `folds` folds, all copies of a row on one side, forests tell made rows from real ones, and
    foretell the outputs of real rows from other real rows and from made ones. Of `explained` further rows attributions from `draws` made rows are
    held against those from the half of them that is least told from real rows, and from a random half.
    """
    raise TypeError("this probe leaves tables only")


@dataclass(frozen=True)
class _Setting:
    """The subject, real rows raw and encoded (n, entries), their outputs (n, k), further rows to explain, and the sizes."""

    subject: Subject
    background: NDArray[Any]
    real: RowBlock
    further: RowBlock
    copies: int
    draws: int
    seed: int

    def entries(self, rows: RowBlock) -> NDArray[Any]:
        return self.subject.encode(rows).values

    def answers(self, values: NDArray[Any]) -> Array:
        """Explained outputs (m, k) of encoded rows."""
        model = differentiable(self.subject)
        with model.session(gradients=False) as network:
            return explained_outputs(decide(network(model.tensor(values)).cpu().double().numpy(), self.subject.facts))

    def stream(self, purpose: str) -> np.random.Generator:
        return generator(self.subject.seed, f"perturbed rows {purpose} {self.subject.evaluate.digest}")


@dataclass(frozen=True)
class _Made:
    """Made rows (m, …) of origins (m,), and what explains the further rows, given a detector: by all draws, the least told and a random half."""

    values: NDArray[Any]
    origin: Integers
    explain: Callable[[Any], list[list[Array]]]


@perturbed_rows.prepare
def prepare(
    subject: Subject, *, real: int = 400, copies: int = 4, explained: int = 20, draws: int = 600, background: int = 100, folds: int = 3
) -> Prepared:
    """Draw real rows and make others of them, and ask forests about both."""
    data = subject.evaluate
    order = generator(subject.seed, f"perturbed rows {data.digest}").permutation(data.n_rows).astype(np.int64)
    few = min(explained, max(1, data.n_rows // 4))
    rows, further = data.take(np.sort(order[few : few + real])), data.take(np.sort(order[:few]))
    held = _Setting(subject, draw_background(subject, background), rows, further, copies, draws, subject.seed % 2**31)
    real_values = held.entries(rows)
    fold = folds_of(len(real_values), folds, held.stream("folds"))
    outputs = held.answers(real_values)
    if not np.isfinite(outputs).all():
        raise MethodError("the network's outputs are not finite for some of the rows drawn")
    tables: dict[str, list[dict[str, Any]]] = {"detected": [], "transfer": [], "restricted": []}
    for kind, made in (("shapley", _by_shapley(held)), ("lime", _by_lime(held))):
        answers = held.answers(made.values)
        if not np.isfinite(answers).all():
            raise MethodError(f"the network's outputs are not finite for some of the rows made by {kind}")
        flat, mixed = _flat(real_values), _flat(made.values)
        scores = detector_scores(flat, mixed, made.origin, fold, seed=held.seed)
        origin, is_made = np.concatenate([np.arange(len(flat)), made.origin]), np.repeat([0, 1], [len(flat), len(mixed)])
        tables["detected"].append({"kind": [kind] * len(scores), "origin": origin, "made": is_made, "score": scores})
        errors = transfer(flat, outputs, mixed, answers, made.origin, fold, seed=held.seed)
        if errors is not None:
            tables["transfer"].append({"kind": [kind] * len(flat), "own": errors.own, "made": errors.made})
        forest = detector(np.concatenate([flat, mixed]), is_made, seed=held.seed)
        found = made.explain(forest)
        moved = np.array([[_moved(of[0], of[1]), _moved(of[0], of[2])] for of in found]).reshape(len(found), 2)
        tables["restricted"].append({"kind": [kind] * len(found), "least": moved[:, 0], "random": moved[:, 1]})
    return Prepared(None, {name: _joined(parts) for name, parts in tables.items() if parts})


def _flat(values: NDArray[Any]) -> Array:
    return values.reshape(len(values), -1).astype(np.float64)


def _joined(parts: list[dict[str, Any]]) -> Table:
    return {name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in parts[0]}


def _moved(one: Array, two: Array) -> float:
    """Distance of two attributions over the absolute sum of the first; missing where that is 0."""
    size = float(np.abs(one).sum())
    return float(np.abs(one - two).sum()) / size if size > 0 else float("nan")


def _by_shapley(held: _Setting) -> _Made:
    """Rows with some players taken from a background row."""
    owner, players = held.subject.players.owner, len(held.subject.players.names)
    real, further = held.entries(held.real), held.entries(held.further)

    def mixed(rows: NDArray[Any], stream: np.random.Generator) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        inside = drawn_coalitions(stream, len(rows), players)
        other = held.background[stream.integers(len(held.background), size=len(rows))]
        return np.where(inside[:, owner].reshape(rows.shape), rows, other), inside

    def one(place: int, forest: Any) -> list[Array]:
        stream = held.stream(f"explained {place}")
        made, inside = mixed(np.repeat(further[[place]], held.draws, axis=0), stream)
        target = int(np.argmax(held.answers(further[[place]])[0]))
        answers, scores = held.answers(made)[:, target], forest.predict_proba(_flat(made))[:, 1]
        size = inside.sum(axis=1)
        halves = [least_half(scores, size), least_half(stream.random(len(scores)), size)]
        return [kernel_regression(inside, answers), *(kernel_regression(inside[half], answers[half]) for half in halves)]

    origin = np.repeat(np.arange(len(real)), held.copies)
    made = mixed(real[origin], held.stream("mixed"))[0]
    return _Made(made, origin, lambda forest: [one(place, forest) for place in range(len(further))])


def _by_lime(held: _Setting) -> _Made:
    """Rows with every column drawn on its own; they have no origin, so each is given one at random."""
    subject, names = held.subject, held.subject.facts.schema.names
    samplers = samplers_of(subject, spread_rows(reference_of(subject)))
    count = held.copies * len(held.real)
    drawn = draw_neighbourhood(samplers, count, generator=held.stream("lime"))
    values = held.entries(RowBlock(np.arange(count, dtype=np.int64), dict(zip(names, drawn.values, strict=True))))
    answers, own = held.answers(values), held.answers(held.entries(held.further))
    codes = column_codes(samplers, [held.further.values[name] for name in names])

    def explain(forest: Any) -> list[list[Array]]:
        every = np.zeros(count, dtype=np.int64)
        least = least_half(forest.predict_proba(_flat(values))[:, 1], every)
        return [
            one(place, (every == 0, least, least_half(held.stream(f"lime half {place}").random(count), every))) for place in range(len(held.further))
        ]

    def one(place: int, halves: tuple[NDArray[np.bool_], ...]) -> list[Array]:
        target = np.array([int(np.argmax(own[place]))])
        of: dict[str, Any] = {"own_codes": codes[[place]], "own_outputs": own[[place], target]}
        return [surrogates(drawn.codes[half], answers[half], target, **of).values[0] for half in halves]

    return _Made(values, held.stream("origins").permutation(count) % len(held.real), explain)
