"""Probe `attribution.smoothgrad`: the slope of the network's output averaged over noise around each row, per raw column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from audit.errors import MethodError
from audit.explained import entry_owner, filled, finite, smooth, targets
from audit.methods.attribution.players import per_player
from audit.methods.saliency.gradients import averaged, noisy_gradients
from audit.models.model import DifferentiableModel
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject

MOST_ENTRIES = 20_000_000
"""Numbers held at once when ranges are measured."""
READ = 1_000
"""Rows, spread evenly over the reference data, that the range of each entry is taken from."""
COLUMNS = {
    "target": Column("Position of the explained output; 0 for a network with one output."),
    "gradient": Column("Size of the averaged slope of the explained output: sum over the column's entries of its absolute value."),
    "values": Column("Input times averaged gradient, summed over the column's entries, on the scale of the raw output."),
    "se": Column("Standard error of `values` from the finite number of noise draws."),
}


@dataclass(frozen=True)
class State:
    """Range of each encoded entry over the rows read, (…)."""

    spread: NDArray[np.float64]


@probe(columns=COLUMNS, needs={"inputs", "gradients"}, reads=("outputs",), sample=200, block=50)
def smoothgrad(block: Block, state: State, *, draws: int = 50, noise: float = 0.15) -> Columns:
    """SmoothGrad of the raw output of the decided class: the gradient averaged over `draws` rows with normal noise.

    The noise of each entry has a standard deviation of `noise` times the range seen in the reference data (else in the evaluated rows). Entries
    that stand for levels get noise too, which makes rows that are no level at all.
    """
    if draws < 1 or noise <= 0:
        raise MethodError(f"draws must be at least 1 and noise above 0; found {draws} and {noise}")
    players, target, known = block.subject.players, targets(block), finite(block)
    model = smooth(block.subject)
    held = block.batch.values[known]
    inputs = model.smooth(model.tensor(held))
    owner = entry_owner(block.subject, held)
    with model.session(gradients=True) as network:
        chosen = torch.as_tensor(target[known], device=inputs.device)
        drawn = _noise(block, known, model, tuple(inputs.shape[1:]), draws)
        slopes = noisy_gradients(network, inputs, chosen, drawn, scale=noise * model.tensor(state.spread))
        found = averaged(_with_players(slopes, inputs, owner, len(players.names)))
    entries = owner.shape[-1]
    measured = {"gradient": per_player(np.abs(found.mean[:, :entries]), owner, len(players.names))}
    measured |= {"values": found.mean[:, entries:], "se": found.se[:, entries:]}
    return {"target": target.astype(np.int32), **filled(known, measured)}


@smoothgrad.prepare
def prepare(subject: Subject) -> Prepared:
    """Measure the range of each entry."""
    data = subject.evaluate if subject.reference is None else subject.reference
    values = subject.encode(data.take(_spread_out(data.n_rows, 1))).values
    model = smooth(subject)
    wide = int(model.smooth(model.tensor(values)).numel())
    encoded = model.smooth(model.tensor(subject.encode(data.take(_spread_out(data.n_rows, min(READ, max(2, MOST_ENTRIES // wide))))).values))
    spread = (encoded.amax(dim=0) - encoded.amin(dim=0)).cpu().double().numpy()
    spread[model.smooth_entries(values.shape[1:]).fixed.reshape(spread.shape)] = 0.0
    return Prepared(State(spread), {"players": {"name": list(subject.players.names)}})


def _spread_out(rows: int, count: int) -> NDArray[np.int64]:
    """At most `count` positions, spread evenly."""
    return np.unique(np.linspace(0, rows - 1, min(rows, count)).astype(np.int64))


def _noise(block: Block, known: NDArray[np.bool_], model: DifferentiableModel, shape: tuple[int, ...], draws: int) -> Iterator[torch.Tensor]:
    """Standard normal noise (rows, …), each row's from its own stream, one draw after another."""
    streams = [stream for stream, keep in zip(block.generators(), known, strict=True) if keep]
    for _ in range(draws):
        yield model.tensor(np.array([stream.standard_normal(shape) for stream in streams]).reshape(len(streams), *shape))


def _with_players(slopes: Iterator[torch.Tensor], inputs: torch.Tensor, owner: NDArray[np.int64], players: int) -> Iterator[NDArray[np.float64]]:
    """Each draw's slopes, and behind them the players' sums of input times slope: both get their mean and doubt in one pass."""
    values = inputs.flatten(1).cpu().double().numpy()
    for slope in slopes:
        entries = slope.flatten(1).cpu().double().numpy()
        yield np.concatenate([entries, per_player(values * entries, owner, players)], axis=1)
