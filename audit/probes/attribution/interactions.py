"""Probe `attribution.interactions`: how much of an output two raw columns bring about together, beyond what each does alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.background import against, draw_background
from audit.baseline_rows import first_layer_of, rows_at_once
from audit.errors import MethodError
from audit.explained import differentiable, filled, finite, targets
from audit.methods.attribution.shapley_interactions import shapley_interactions
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject

MOST_PLAYERS = 60
"""Columns up to which every pair is measured: 1,770 pairs."""


@dataclass(frozen=True)
class State:
    """Encoded background rows, (b, …)."""

    background: NDArray[Any]


@probe(
    columns={
        "target": Column("Position of the explained output; 0 for a network with one output."),
        "values": Column("Shapley interaction index of each pair of players, on the scale of the raw output."),
        "se": Column("Standard error of each index; 0 where all coalitions were enumerated."),
        "main": Column("Shapley value of each player less half of its interactions with every other."),
        "evaluations": Column("Rows sent through the network for this row.", "rows"),
        "exact": Column("1 where all coalitions were enumerated, 0 where they were sampled."),
    },
    needs={"inputs", "background"},
    reads=("outputs",),
    sample=100,
    block=20,
)
def interactions(block: Block, state: State, *, background: int = 30, exact_up_to: int = 10, pairs: int = 400) -> Columns:  # noqa: ARG001  read by prepare
    """Shapley interaction index of every pair of raw columns for the raw output, against rows of the reference data, with standard errors.

    Rows with at most `exact_up_to` varying columns are enumerated; for others at least `pairs` coalitions and their complements are asked
    about, each over the whole background. Rows without finite outputs get NaN.
    """
    target, known = targets(block), finite(block)
    inputs, model, players = block.batch.values[known], differentiable(block.subject), block.subject.players
    size = len(players.names)
    first, second = np.triu_indices(size, 1)
    found: dict[str, NDArray[Any]] = {
        "values": np.zeros((len(inputs), len(first))), "se": np.zeros((len(inputs), len(first))), "main": np.zeros((len(inputs), size)),
        "evaluations": np.zeros(len(inputs), dtype=np.int64), "exact": np.zeros(len(inputs), dtype=np.int8),
    }  # fmt: skip
    with model.session(gradients=False) as network:
        for part in against(block.subject, inputs, state.background):
            places, leaf = part.places, model.tensor(inputs[part.places])
            held = shapley_interactions(
                network,
                leaf,
                model.tensor(part.absent),
                part.owner,
                players=size,
                exact_up_to=exact_up_to,
                pairs=pairs,
                chunk=rows_at_once(model, inputs, gradients=False),
                first=first_layer_of(model, network, leaf),
            )
            row, output = np.arange(len(places)), target[known][places]
            values, se = held.values[row, :, :, output], held.se[row, :, :, output]
            found["values"][places], found["se"][places] = 2 * values[:, first, second], 2 * se[:, first, second]
            found["main"][places] = np.einsum("npp->np", values)
            found["evaluations"][places], found["exact"][places] = held.evaluations, held.exact
    return {"target": target.astype(np.int32), **filled(known, found)}


@interactions.prepare
def prepare(subject: Subject, *, background: int = 30) -> Prepared:
    """Draw and encode the background once; raises MethodError for a single player and for more than `MOST_PLAYERS`."""
    names = subject.players.names
    first, second = np.triu_indices(len(names), 1)
    if not len(first):
        raise MethodError("the network has one column; an interaction needs two")
    if len(names) > MOST_PLAYERS:
        raise MethodError(f"{len(names)} columns make {len(first):,} pairs; interactions are measured for up to {MOST_PLAYERS} columns")
    pairs = {"first": [names[place] for place in first], "second": [names[place] for place in second]}
    return Prepared(State(draw_background(subject, background)), {"players": {"name": list(names)}, "pairs": pairs})
