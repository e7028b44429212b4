"""Probe `attribution.layer_units`: how much of the explained output runs through each unit of a layer, and what the leading units respond to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit.background import draw_background
from audit.baseline_rows import rows_and_baselines
from audit.errors import MethodError
from audit.explained import entry_owner, filled, finite, relative, targets
from audit.looked_at import MOST_UNITS, drawn_rows, layer_of, network_of
from audit.methods.attribution.players import per_player
from audit.methods.saliency.layer_units import Layer, UnitAttributions, activations, layer_attributions, unit_attributions
from audit.models.torch_model import TorchModel
from audit.probe import Block, Column, Columns, Prepared, Table, probe
from audit.subject import Subject

AT_ONCE = 512
"""Points of paths that are differentiated at once, at most."""
STEPS = 32
CHOOSING = 32
"""Evaluated rows by which the leading units are chosen."""


@dataclass(frozen=True)
class State:
    """Encoded baselines (b, …), the layer, which of its units are kept (m,), those asked what they respond to, and the output's spread."""

    background: NDArray[Any]
    layer: Layer
    kept: NDArray[np.int64]
    leading: NDArray[np.int64]
    scale: NDArray[np.float64]
    spread: NDArray[np.float64]
    """Of the activations of the leading units, over some evaluated rows."""


@probe(
    columns={
        "target": Column("Position of the explained output; 0 for a network with one output."),
        "through": Column("Layer integrated gradients of each unit for the raw output."),
        "base": Column("Mean explained output over the baselines."),
        "total": Column("Explained output of the row."),
        "relative_gap": Column(
            "What the units are from adding up to total minus base, over the larger of that and the output's spread.", "proportion"
        ),
        "responds": Column("Integrated gradients of each leading unit's activation: its players one after another, then those of the next unit."),
        "change": Column("Change of each leading unit's activation between baselines and row."),
        "neuron_gap": Column("Largest of the leading units' gaps, over the larger of the change and the activation's spread.", "proportion"),
    },
    needs={"inputs", "background", "gradients", "modules", "same_players"},
    reads=("outputs",),
    sample=50,
    block=25,
)
def layer_units(block: Block, state: State, *, layer: str = "", background: int = 10, leading: int = 5) -> Columns:  # noqa: ARG001  read by prepare
    """Layer integrated gradients of the raw output at one layer, and neuron integrated gradients of the units with the largest of them, by captum.

    The layer is what the last linear layer receives, or what the linear layer or convolution named `layer` returns; where it has several
    places, such as those of an image, units are its channels. Means over `background` baselines. The `leading` units with the largest mean
    absolute attribution over some evaluated rows are asked what they respond to. Rows without finite outputs get NaN.
    """
    players, target, known = block.subject.players, targets(block), finite(block)
    model, held = network_of(block.subject), block.batch.values[known]
    found = _through(block.subject, model, held, state, target[known])
    measured: dict[str, NDArray[Any]] = {"through": found.values.numpy()[:, state.kept], "base": found.base.numpy(), "total": found.total.numpy()}
    size = measured["total"] - measured["base"]
    measured["relative_gap"] = relative(found.gap.numpy(), size, np.zeros(len(size)) + state.scale[target[known]])
    inputs, baselines = rows_and_baselines(block.subject, model, held, state.background)
    owner, responds, change, gaps = entry_owner(block.subject, held), [], [], []
    with model.session(gradients=True) as network:
        for place, unit in enumerate(state.leading.tolist()):
            options: dict[str, Any] = {"layer": state.layer, "steps": STEPS, "at_once": _at_once(model)}
            values, moved = unit_attributions(network, model.module, inputs, baselines, unit, **options)
            responds.append(per_player(values.numpy(), owner, len(players.names)))
            change.append(moved.numpy())
            gaps.append(relative(np.abs(responds[-1].sum(axis=1) - change[-1]), change[-1], np.full(len(moved), state.spread[place])))
    measured |= {"responds": np.concatenate(responds, axis=1), "change": np.stack(change, axis=1), "neuron_gap": np.max(gaps, axis=0)}
    return {"target": target.astype(np.int32), **filled(known, measured)}


def _through(subject: Subject, model: TorchModel, values: NDArray[Any], state: State, target: NDArray[np.int64]) -> UnitAttributions:
    inputs, baselines = rows_and_baselines(subject, model, values, state.background)
    options: dict[str, Any] = {"layer": state.layer, "steps": STEPS, "at_once": _at_once(model)}
    with model.session(gradients=True) as network:
        return layer_attributions(network, model.module, inputs, baselines, torch.as_tensor(target, device=inputs.device), **options)


def _at_once(model: TorchModel) -> int:
    """captum answers for a layer once per call, so a call must be one micro-batch."""
    return min(AT_ONCE, int(model.description["micro_batch"]))


@layer_units.prepare
def prepare(subject: Subject, *, layer: str = "", background: int = 10, leading: int = 5) -> Prepared:
    """Draw the baselines, find the layer, and choose the units that are asked what they respond to."""
    found, model = layer_of(subject, layer), network_of(subject)
    rows = drawn_rows(subject)
    with model.session(gradients=False) as network:
        answers = network(model.tensor(rows)).cpu().double().numpy()
        active = activations(network, model.module, model.tensor(rows), found).cpu().numpy()
    usable = np.isfinite(answers).all(axis=1) & np.isfinite(active).all(axis=1)
    if not usable.any():
        raise MethodError("the activations and outputs of none of the rows are finite")
    rows, answers, active = rows[usable], answers[usable], active[usable]
    everyone, drawn = np.arange(found.units, dtype=np.int64), draw_background(subject, background)
    state = State(drawn, found, everyone, everyone[:0], answers.std(axis=0), active.std(axis=0)[:0])
    target = answers.argmax(axis=1) if answers.shape[1] > 1 else np.zeros(len(rows), dtype=np.int64)
    few = slice(CHOOSING)
    order = np.argsort(-_through(subject, model, rows[few], state, target[few]).values.abs().mean(dim=0).numpy(), kind="stable")
    kept, first = np.sort(order[:MOST_UNITS]), order[: max(1, leading)]
    notes = (f"Of {found.units:,} units the {MOST_UNITS} with the largest attributions are kept.",) if found.units > MOST_UNITS else ()
    tables: dict[str, Table] = {
        "players": {"name": list(subject.players.names)},
        "layer": {"name": [found.name], "side": [found.side], "units": [found.units]},
        "units": {"unit": kept},
        "leading": {"unit": first},
    }
    return Prepared(replace(state, kept=kept, leading=first, spread=active.std(axis=0)[first]), tables, notes)
