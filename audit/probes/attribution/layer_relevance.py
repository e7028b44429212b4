"""Probe `attribution.layer_relevance`: the output handed back layer by layer to the raw columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit.explained import entry_owner, filled, finite, smooth, targets
from audit.methods.attribution.layer_relevance import RelevanceRule
from audit.methods.attribution.layer_relevance import layer_relevance as handed_back
from audit.methods.attribution.players import per_player
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject

COLUMNS = {
    "target": Column("Position of the explained output; 0 for a network with one output."),
    "values": Column("Relevance of each player for the explained output, on the scale of the raw output."),
    "total": Column("Explained output of the row."),
    "gap": Column("How far relevance is from adding up to the output: what biases and the stabiliser keep."),
}


@probe(columns=COLUMNS, needs={"inputs", "gradients"}, reads=("outputs",), sample=200, block=200)
def layer_relevance(block: Block, state: Any, *, rule: RelevanceRule = "epsilon", epsilon: float = 1e-6, alpha: float = 2.0) -> Columns:  # noqa: ARG001
    """Layer-wise relevance propagation (LRP) of the raw output of the decided class, by the ε-rule or, with ``alpha_beta``, the α-β-rule.

    For networks of linear layers, convolutions, pooling, sums, ReLU and tanh; any other operator is refused by name. Relevance is held
    against no background: it starts from the output itself, and biases keep their part. Rows without finite outputs get NaN.
    """
    players, target, known = block.subject.players, targets(block), finite(block)
    model = smooth(block.subject)
    held = block.batch.values[known]
    inputs = model.smooth(model.tensor(held))
    with model.session(gradients=True) as network:
        chosen = torch.as_tensor(target[known], device=inputs.device)
        found = handed_back(network, inputs, chosen, rule=rule, epsilon=epsilon, alpha=alpha)
    values = per_player(found.values, entry_owner(block.subject, held), len(players.names))
    measured: dict[str, NDArray[Any]] = {"values": values, "total": found.total, "gap": found.gap}
    return {"target": target.astype(np.int32), **filled(known, measured)}


@layer_relevance.prepare
def prepare(subject: Subject) -> Prepared:
    """Leave the names of the columns."""
    return Prepared(tables={"players": {"name": list(subject.players.names)}})
