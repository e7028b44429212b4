"""Probe `attribution.gradient`: the slope of the network's output at each row, per raw column."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from audit.explained import entry_owner, filled, finite, smooth, targets
from audit.methods.attribution.players import per_player
from audit.methods.saliency.gradients import gradients
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject

COLUMNS = {
    "target": Column("Position of the explained output; 0 for a network with one output."),
    "gradient": Column("Size of the slope of the explained output: sum over the column's entries of its absolute value, per unit of encoded input."),
    "values": Column("Input times gradient, summed over the column's entries, on the scale of the raw output."),
}


@probe(columns=COLUMNS, needs={"inputs", "gradients"}, reads=("outputs",), sample=500, block=500)
def gradient(block: Block, state: Any) -> Columns:  # noqa: ARG001  every probe takes a state; this one needs none
    """Gradient, and input times gradient, of the raw output of the decided class with respect to the encoded inputs.

    `gradient` is a size and has no sign, since a column of levels has several entries; `values` is a signed sum, and depends on which value the
    encoding puts at zero. Rows without finite outputs get NaN.
    """
    players, target, known = block.subject.players, targets(block), finite(block)
    model = smooth(block.subject)
    held = block.batch.values[known]
    inputs = model.smooth(model.tensor(held))
    with model.session(gradients=True) as network:
        slopes = gradients(network, inputs, torch.as_tensor(target[known], device=inputs.device))
    entries = {"gradient": slopes.abs(), "values": inputs * slopes}
    owner = entry_owner(block.subject, held)
    measured = {name: per_player(of.cpu().double().numpy(), owner, len(players.names)) for name, of in entries.items()}
    return {"target": target.astype(np.int32), **filled(known, measured)}


@gradient.prepare
def prepare(subject: Subject) -> Prepared:
    """Leave the names of the columns."""
    return Prepared(tables={"players": {"name": list(subject.players.names)}})
