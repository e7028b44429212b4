"""Probe `effects.unit_activations`: how active each unit of a layer is, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError
from audit.looked_at import MOST_UNITS, drawn_rows, layer_of, network_of
from audit.methods.saliency.layer_units import Layer, activations
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject


@dataclass(frozen=True)
class State:
    """The layer, and which of its units are kept (m,)."""

    layer: Layer
    kept: NDArray[np.int64]


@probe(
    columns={"activation": Column("Activation of each unit of the layer, the largest over its places where it has several; NaN where not finite.")},
    needs={"inputs", "modules"},
    sample=5_000,
    block=512,
)
def unit_activations(block: Block, state: State, *, layer: str = "") -> Columns:  # noqa: ARG001  read by prepare
    """Activations of the units of one layer: what the last linear layer receives, or what the linear layer or convolution named `layer` returns."""
    model = network_of(block.subject)
    with model.session(gradients=False) as network:
        found = activations(network, model.module, model.tensor(block.batch.values), state.layer).cpu().numpy()[:, state.kept]
    return {"activation": np.where(np.isfinite(found), found, np.nan)}


@unit_activations.prepare
def prepare(subject: Subject, *, layer: str = "") -> Prepared:
    """Find the layer, and of more than 512 units those that vary most over some evaluated rows."""
    found, model = layer_of(subject, layer), network_of(subject)
    kept = np.arange(found.units, dtype=np.int64)
    notes = []
    if found.units > MOST_UNITS:
        rows = drawn_rows(subject)
        with model.session(gradients=False) as network:
            seen = activations(network, model.module, model.tensor(rows), found).cpu().numpy()
        seen = seen[np.isfinite(seen).all(axis=1)]
        if not len(seen):
            raise MethodError("the activations of none of the rows are finite")
        kept = np.sort(np.argsort(-seen.var(axis=0), kind="stable")[:MOST_UNITS])
        notes = [f"Of {found.units:,} units the {MOST_UNITS} that vary most over {len(seen)} rows are kept."]
    about = {"name": [found.name], "side": [found.side], "units": [found.units]}
    return Prepared(State(found, kept), {"layer": about, "units": {"unit": kept}}, tuple(notes))
