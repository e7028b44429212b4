"""Probe `attribution.deep_shap`: DeepSHAP, by one backward pass for each background row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit.background import draw_background
from audit.baseline_rows import at_once, rows_and_baselines
from audit.errors import MethodError
from audit.explained import COLUMNS, entry_owner, explained_size, filled, finite, relative, smooth, targets
from audit.methods.attribution.deep_shap import deep_shap as divide
from audit.methods.attribution.players import per_player
from audit.methods.attribution.propagation.trace import operators, traced
from audit.models.model import DifferentiableModel
from audit.models.torch_model import TorchModel
from audit.probe import Block, Columns, Prepared, probe
from audit.subject import Subject
from audit.witness import Reference


@dataclass(frozen=True)
class State:
    """Encoded baselines, (b, …)."""

    background: NDArray[Any]


@probe(columns=COLUMNS, needs={"inputs", "background", "gradients"}, reads=("outputs",), sample=500, block=500)
def deep_shap(block: Block, state: State, *, background: int = 100) -> Columns:  # noqa: ARG001  read by prepare
    """DeepSHAP of each raw column for the raw output: DeepLIFT's multipliers against each background row, averaged.

    Right for whatever operators the network uses, functional, in place or reused, or refused with the operator's name. Values add up, but
    depend on how the network is written down. Rows without finite outputs get NaN.
    """
    players, target, known = block.subject.players, targets(block), finite(block)
    model = smooth(block.subject)
    held = block.batch.values[known]
    inputs, baselines = rows_and_baselines(block.subject, model, held, state.background)
    with model.session(gradients=True) as network:
        found = divide(network, inputs, baselines, torch.as_tensor(target[known], device=inputs.device), chunk=at_once(model))
    values = per_player(found.values, entry_owner(block.subject, held), len(players.names))
    measured: dict[str, NDArray[Any]] = {"values": values, "se": np.zeros_like(values), "base": found.base, "total": found.total, "gap": found.gap}
    spread = _spread(model, baselines, inputs)
    size = np.zeros(len(values)) if spread is None else spread[target[known]]
    measured |= {"relative_gap": relative(found.gap, found.total - found.base, size), "evaluations": found.evaluations}
    return {"target": target.astype(np.int32), **filled(known, measured)}


@deep_shap.prepare
def prepare(subject: Subject, *, background: int = 100) -> Prepared:
    """Draw and encode the baselines once: the same rows as every other attribution probe."""
    return Prepared(State(draw_background(subject, background)), {"players": {"name": list(subject.players.names)}})


@deep_shap.witness("shap")
def by_shap(block: Block, state: State, measured: Columns) -> Reference:
    """The same rows by shap's DeepExplainer with the same baselines, where its rules are right."""
    from audit.witnesses.by_shap_deep import shap_deep  # noqa: PLC0415  needed for a few rows of a run only

    model = smooth(block.subject)
    inputs, baselines = rows_and_baselines(block.subject, model, block.batch.values, state.background)
    if not isinstance(model, TorchModel) or baselines.ndim != inputs.ndim:
        raise MethodError("its DeepExplainer needs a torch module and one background for all rows")
    with model.session(gradients=True) as network:
        if not torch.equal(model.module(inputs), network(inputs)):
            raise MethodError("its DeepExplainer cannot read what this network returns")
        used = operators(traced(network, baselines))
        theirs = shap_deep(model.module, inputs, baselines, measured["target"].astype(np.int64), used)
    grouped = per_player(theirs, entry_owner(block.subject, block.batch.values), len(block.subject.players.names))
    return Reference(ours=measured["values"], theirs=grouped, se=np.zeros_like(grouped), scale=explained_size(measured))


def _spread(model: DifferentiableModel, baselines: torch.Tensor, inputs: torch.Tensor) -> NDArray[np.float64] | None:
    """Spread of the outputs of baselines that serve all rows, (k,)."""
    if baselines.ndim != inputs.ndim:
        return None
    with model.session(gradients=False) as network:
        return np.asarray(network(baselines).cpu().double().std(dim=0, unbiased=False).numpy())
