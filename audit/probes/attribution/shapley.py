"""Probe `attribution.shapley`: how much each raw column moved the output of a row away from the background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.background import draw_background
from audit.explained import COLUMNS, differentiable, explained_size, filled, finite, relative, targets
from audit.methods.attribution.shapley import shapley_values
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject
from audit.witness import Reference

FEWEST_WALKS = 200
"""Random orders a row is explained by, over all background rows: with fewer the standard error itself is too uncertain."""
WITNESS_EVALUATIONS = 160_000
"""Most rows the network is given for one row that shap recomputes."""


@dataclass(frozen=True)
class State:
    """Encoded background rows, (b, …)."""

    background: NDArray[Any]


@probe(
    columns={**COLUMNS, "exact": Column("1 where all coalitions were enumerated, 0 where they were sampled.")},
    needs={"inputs", "reference"},
    reads=("outputs",),
    sample=500,
    block=100,
)
def shapley(block: Block, state: State, *, background: int = 100, pairs: int = 2, exact_up_to: int = 12) -> Columns:  # noqa: ARG001  read by prepare
    """Shapley values of each raw column for the raw output, against rows of the reference data, with standard errors.

    Rows with at most `exact_up_to` varying columns are enumerated. Beyond that every background row is walked to the explained row in `pairs`
    random orders, each forwards and backwards; in more where the background is so small that there would be fewer than 200 walks, too few to
    tell the error. Rows without finite outputs get NaN.
    """
    players, target, known = block.subject.players, targets(block), finite(block)
    model = differentiable(block.subject)
    with model.session(gradients=False) as network:
        found = shapley_values(
            network,
            model.tensor(block.batch.values[known]),
            model.tensor(state.background),
            players.owner,
            orders=_orders(block, known, (len(state.background), _walks(state, pairs), len(players.names))),
            exact_up_to=exact_up_to,
        )
        spread = network(model.tensor(state.background)).cpu().double().std(dim=0, unbiased=False).numpy()
    row, chosen = np.arange(int(known.sum())), target[known]
    values, total, base = found.values[row, :, chosen], found.total[row, chosen], found.base[chosen]
    gap = np.abs(values.sum(axis=1) - (total - base))
    measured: dict[str, NDArray[Any]] = {"values": values, "se": found.se[row, :, chosen], "base": base, "total": total, "gap": gap}
    measured |= {"relative_gap": relative(gap, total - base, spread[chosen])}
    measured |= {"evaluations": found.evaluations, "exact": found.exact.astype(np.int8)}
    return {"target": target.astype(np.int32), **filled(known, measured)}


@shapley.prepare
def prepare(subject: Subject, *, background: int = 100) -> Prepared:
    """Draw and encode the background once."""
    return Prepared(State(draw_background(subject, background)), {"players": {"name": list(subject.players.names)}})


@shapley.witness("shap")
def by_shap(block: Block, state: State, measured: Columns, *, pairs: int = 2) -> Reference:
    """The same rows by shap, on the same background: enumerated where that is cheap, else by its antithetic permutations."""
    from audit.witnesses.by_shap import shap_values  # noqa: PLC0415  takes seconds to load and is needed for a few rows of a run only

    model, owner, inputs = differentiable(block.subject), block.subject.players.owner, block.batch.values
    found = []
    with model.session(gradients=False) as network:
        for row, target in zip(inputs, measured["target"], strict=True):

            def explained(rows: NDArray[Any], column: int = int(target)) -> NDArray[np.float64]:
                return np.asarray(network(model.tensor(rows))[:, column].cpu().double().numpy())

            found.append(shap_values(explained, row, state.background, owner, evaluations=WITNESS_EVALUATIONS, seed=block.seed % 2**32))
    return Reference(
        ours=measured["values"],
        theirs=np.stack([one.values for one in found]),
        se=np.sqrt(measured["se"] ** 2 + np.stack([one.se for one in found]) ** 2),
        scale=explained_size(measured),
        freedom=max(1, min([len(state.background) * (_walks(state, pairs) - 1), *(one.repetitions - 1 for one in found if one.repetitions)])),
    )


def _walks(state: State, pairs: int) -> int:
    """Orders for each background row."""
    return max(pairs, -(-FEWEST_WALKS // len(state.background)))


def _orders(block: Block, known: NDArray[np.bool_], size: tuple[int, int, int]) -> NDArray[np.int32]:
    """Random permutations (rows, background, pairs, players) of the known rows, each row's from its own stream."""
    identity = np.broadcast_to(np.arange(size[2], dtype=np.int32), size)
    streams = [stream for stream, keep in zip(block.generators(), known, strict=True) if keep]
    return np.stack([stream.permuted(identity, axis=2) for stream in streams]) if streams else np.zeros((0, *size), dtype=np.int32)
