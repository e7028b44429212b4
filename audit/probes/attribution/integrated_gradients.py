"""Probe `attribution.integrated_gradients`: attribution along straight paths from the background, by gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit.background import draw_background
from audit.baseline_rows import rows_and_baselines
from audit.explained import COLUMNS, entry_owner, explained_size, filled, finite, relative, smooth, targets
from audit.methods.attribution.answers import Network
from audit.methods.attribution.integrated_gradients import integrated_gradients as integrate
from audit.methods.attribution.players import per_player
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject
from audit.witness import Reference


@dataclass(frozen=True)
class State:
    """Encoded baselines, (b, …)."""

    background: NDArray[Any]


@probe(
    columns={**COLUMNS, "steps": Column("Quadrature points on each path.")},
    needs={"inputs", "background", "gradients"},
    reads=("outputs",),
    sample=500,
    block=100,
)
def integrated_gradients(block: Block, state: State, *, background: int = 100, tolerance: float = 0.01) -> Columns:  # noqa: ARG001  read by prepare
    """Integrated gradients of each raw column for the raw output, averaged over the background rows as baselines.

    Points are doubled for a row until its completeness gap is at most `tolerance` of what is explained, or 256 of them are reached. Rows
    without finite outputs get NaN.
    """
    players, target, known = block.subject.players, targets(block), finite(block)
    model = smooth(block.subject)
    held = block.batch.values[known]
    inputs, baselines = rows_and_baselines(block.subject, model, held, state.background)
    with model.session(gradients=True) as network:
        spread = _spread(network, baselines, inputs)
        chosen = torch.as_tensor(target[known], device=inputs.device)
        found = integrate(network, inputs, baselines, chosen, scale=spread, tolerance=tolerance)
    values = per_player(found.values, entry_owner(block.subject, held), len(players.names))
    measured: dict[str, NDArray[Any]] = {"values": values, "se": np.zeros_like(values), "base": found.base, "total": found.total, "gap": found.gap}
    size = np.zeros(len(values)) if spread is None else spread[target[known]]
    measured |= {"relative_gap": relative(found.gap, found.total - found.base, size)}
    measured |= {"evaluations": found.evaluations, "steps": found.steps.astype(np.int32)}
    return {"target": target.astype(np.int32), **filled(known, measured)}


def _spread(network: Network, baselines: torch.Tensor, inputs: torch.Tensor) -> NDArray[np.float64] | None:
    """Spread of the outputs of baselines that serve all rows, (k,)."""
    if baselines.ndim != inputs.ndim:
        return None
    return np.asarray(network(baselines).detach().cpu().double().std(dim=0, unbiased=False).numpy())


@integrated_gradients.prepare
def prepare(subject: Subject, *, background: int = 100) -> Prepared:
    """Draw and encode the baselines once: the same rows as every other attribution probe."""
    return Prepared(State(draw_background(subject, background)), {"players": {"name": list(subject.players.names)}})


@integrated_gradients.witness("captum")
def by_captum(block: Block, state: State, measured: Columns) -> Reference:
    """The same rows by captum, with the same baselines and as many points."""
    from audit.witnesses.by_captum import captum_integrated_gradients  # noqa: PLC0415  needed for a few rows of a run only

    model = smooth(block.subject)
    inputs, baselines = rows_and_baselines(block.subject, model, block.batch.values, state.background)
    owner = entry_owner(block.subject, block.batch.values)
    own = baselines.ndim != inputs.ndim
    with model.session(gradients=True) as network:
        found = [
            captum_integrated_gradients(network, row, baselines[place] if own else baselines, target=int(target), steps=int(steps))
            for place, (row, target, steps) in enumerate(zip(inputs, measured["target"], measured["steps"], strict=True))
        ]
    theirs = per_player(np.stack(found), owner, len(block.subject.players.names))
    return Reference(ours=measured["values"], theirs=theirs, se=np.zeros_like(theirs), scale=explained_size(measured))
