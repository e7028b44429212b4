"""Probe `attribution.occlusion`: how far the output falls when one raw column, patch or word is replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit.background import against, draw_background
from audit.baseline_rows import at_once
from audit.explained import differentiable, filled, finite, targets
from audit.methods.attribution.occlusion import occlusion as falls
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject
from audit.witness import Reference

COLUMNS = {
    "target": Column("Position of the explained output; 0 for a network with one output."),
    "values": Column("Fall of the explained output when the player is replaced by those of background rows, on the scale of the raw output."),
    "se": Column("Standard error of each fall over the background rows; missing where one row stands for what is left out."),
    "total": Column("Explained output of the row."),
    "evaluations": Column("Rows sent through the network for this row.", "rows"),
}


@dataclass(frozen=True)
class State:
    """Encoded rows that replace a player, (b, …)."""

    background: NDArray[Any]


@probe(columns=COLUMNS, needs={"inputs", "background"}, reads=("outputs",), sample=100, block=50)
def occlusion(block: Block, state: State, *, background: int = 20) -> Columns:  # noqa: ARG001  read by prepare
    """Fall of the raw output of the decided class when one player (column, patch, word) takes the entries of background rows.

    One player at a time is replaced, so that what two of them do only together is counted for both, or for neither: falls do not add up.
    Rows without finite outputs get NaN.
    """
    players, target, known = block.subject.players, targets(block), finite(block)
    values = block.batch.values[known]
    size = (len(values), len(players.names))
    measured = {"values": np.zeros(size), "se": np.zeros(size), "total": np.zeros(size[0]), "evaluations": np.zeros(size[0], dtype=np.int64)}
    model = differentiable(block.subject)
    chosen = target[known]
    for part in against(block.subject, values, state.background):
        windows = (part.owner == np.arange(len(players.names))[:, None]).reshape(-1, *values.shape[1:])
        with model.session(gradients=False) as network:
            inputs = model.tensor(values[part.places])
            output = torch.as_tensor(chosen[part.places], device=inputs.device)
            found = falls(network, inputs, model.tensor(part.absent), windows, output, chunk=4 * at_once(model))
        for name, column in measured.items():
            column[part.places] = getattr(found, name)
    return {"target": target.astype(np.int32), **filled(known, measured)}


@occlusion.prepare
def prepare(subject: Subject, *, background: int = 20) -> Prepared:
    """Draw and encode the rows that replace a player."""
    return Prepared(State(draw_background(subject, background)), {"players": {"name": list(subject.players.names)}})


@occlusion.witness("captum")
def by_captum(block: Block, state: State, measured: Columns) -> Reference:
    """The same rows by captum's feature ablation, once for each background row."""
    from audit.witnesses.by_captum_ablation import captum_ablation  # noqa: PLC0415  needed for a few rows of a run only

    players, model, values = block.subject.players, differentiable(block.subject), block.batch.values
    theirs = np.zeros((len(values), len(players.names)))
    for part in against(block.subject, values, state.background):
        with model.session(gradients=False) as network:
            for place in part.places:
                row, output = model.tensor(values[place]), int(measured["target"][place])
                found = captum_ablation(network, row, model.tensor(part.absent), part.owner, target=output)
                theirs[place, : len(found)] = found
    scale = np.maximum(np.abs(measured["total"]), np.abs(measured["values"]).max(axis=1))
    return Reference(ours=measured["values"], theirs=theirs, se=np.zeros_like(theirs), scale=scale)
