"""Probe `attribution.expected_gradients`: attribution by gradients at random places between the row and random background rows."""

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
from audit.methods.attribution.expected_gradients import Draws, drawn
from audit.methods.attribution.expected_gradients import expected_gradients as estimate
from audit.methods.attribution.players import per_player
from audit.models.torch_model import TorchModel
from audit.probe import Block, Columns, Prepared, probe
from audit.subject import Subject
from audit.witness import Reference

REPEATED = 100
"""Draws that shap takes for each row, each time that it is asked."""


@dataclass(frozen=True)
class State:
    """Encoded baselines, (b, …)."""

    background: NDArray[Any]


@probe(columns=COLUMNS, needs={"inputs", "background", "gradients"}, reads=("outputs",), sample=200, block=50)
def expected_gradients(block: Block, state: State, *, background: int = 100, samples: int = 200) -> Columns:  # noqa: ARG001  read by prepare
    """Expected gradients (GradientSHAP without noise) of each raw column for the raw output, with their standard errors.

    Each of `samples` draws takes the gradient at a random place between the row and a random background row. Values add up in expectation
    only: the gap shrinks with the root of `samples`. Rows without finite outputs get NaN.
    """
    if samples < 2:
        raise MethodError(f"samples must be at least 2; found {samples}")
    players, target, known = block.subject.players, targets(block), finite(block)
    model = smooth(block.subject)
    held = block.batch.values[known]
    inputs, baselines = rows_and_baselines(block.subject, model, held, state.background)
    count = baselines.shape[1] if baselines.ndim > inputs.ndim else len(baselines)
    both = [drawn(stream, count, samples) for stream, keep in zip(block.generators(), known, strict=True) if keep]
    draws = Draws(_stacked([chosen for chosen, _ in both], samples).astype(np.int64), _stacked([place for _, place in both], samples))
    with model.session(gradients=True) as network:
        chosen = torch.as_tensor(target[known], device=inputs.device)
        owner = entry_owner(block.subject, held)
        found = estimate(network, inputs, baselines, chosen, owner, players=len(players.names), draws=draws, chunk=4 * at_once(model))
        size = network(baselines).detach().cpu().double().std(dim=0, unbiased=False).numpy() if baselines.ndim == inputs.ndim else None
    scale = np.zeros(len(found.gap)) if size is None else size[target[known]]
    measured: dict[str, NDArray[Any]] = {name: getattr(found, name) for name in ("values", "se", "base", "total", "gap")}
    measured |= {"relative_gap": relative(found.gap, found.total - found.base, scale)}
    measured |= {"evaluations": np.full(len(found.gap), samples, dtype=np.int64)}
    return {"target": target.astype(np.int32), **filled(known, measured)}


@expected_gradients.prepare
def prepare(subject: Subject, *, background: int = 100) -> Prepared:
    """Draw and encode the baselines once: the same rows as every other attribution probe."""
    return Prepared(State(draw_background(subject, background)), {"players": {"name": list(subject.players.names)}})


@expected_gradients.witness("shap")
def by_shap(block: Block, state: State, measured: Columns) -> Reference:
    """The same rows by shap's GradientExplainer with draws of its own."""
    from audit.witnesses.by_shap_gradient import shap_gradients  # noqa: PLC0415  needed for a few rows of a run only

    model, players = smooth(block.subject), block.subject.players
    inputs, baselines = rows_and_baselines(block.subject, model, block.batch.values, state.background)
    if not isinstance(model, TorchModel) or baselines.ndim != inputs.ndim:
        raise MethodError("its GradientExplainer needs a torch module and one background for all rows")
    with model.session(gradients=True) as network:
        if not torch.equal(model.module(inputs), network(inputs)):
            raise MethodError("its GradientExplainer cannot read what this network returns")
        runs = shap_gradients(model.module, inputs, baselines, measured["target"].astype(np.int64), samples=REPEATED, seed=block.seed)
    owner = entry_owner(block.subject, block.batch.values)
    found = np.stack([per_player(run, owner, len(players.names)) for run in runs])
    se = np.sqrt(found.var(axis=0, ddof=1) / len(found) + measured["se"] ** 2)
    return Reference(
        ours=measured["values"], theirs=found.mean(axis=0), se=se, scale=explained_size(measured), freedom=len(found) - 1, note="shap draws anew."
    )


def _stacked(rows: list[NDArray[Any]], samples: int) -> NDArray[np.float64]:
    return np.stack(rows).astype(np.float64) if rows else np.zeros((0, samples))
