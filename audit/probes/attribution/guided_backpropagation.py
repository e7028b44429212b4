"""Probe `attribution.guided_backpropagation`: what excites the units that lead to the decided class, and where, for images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit.data.image_encoding import ImageEncoder
from audit.errors import MethodError
from audit.explained import entry_owner, filled, finite, smooth, targets
from audit.methods.attribution.guided_backpropagation import guided_backpropagation as guide
from audit.methods.attribution.guided_backpropagation import guided_grad_cam
from audit.methods.attribution.players import per_player
from audit.methods.saliency.grad_cam import grad_cam, last_convolution
from audit.models.torch_model import TorchModel
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject

COLUMNS = {
    "target": Column("Position of the explained output; 0 for a network with one output."),
    "gradient": Column("Size of the guided gradient: sum over the player's entries of its absolute value, per unit of encoded input."),
    "values": Column("Input times guided gradient, summed over the player's entries, on the scale of the raw output."),
    "guided_grad_cam": Column("Size of the guided gradient times the Grad-CAM map, summed over the player's entries; images only; in no unit."),
}


@dataclass(frozen=True)
class State:
    """The convolution that Grad-CAM looks at, where there is one, and whether images come with their channels last."""

    layer: str | None = None
    channels_last: bool = False


@probe(columns=COLUMNS, needs={"inputs", "gradients"}, reads=("outputs",), sample=200, block=64)
def guided_backpropagation(block: Block, state: State) -> Columns:
    """Guided backpropagation of the raw output of the decided class, and guided Grad-CAM where the network looks at images by convolutions.

    Negative parts are cut off at each ReLU, so the sign of an influence is lost, and the picture hardly depends on the later layers. For
    networks with ReLU only. Rows without finite outputs get NaN.
    """
    players, target, known = block.subject.players, targets(block), finite(block)
    model = smooth(block.subject)
    held = block.batch.values[known]
    inputs = model.smooth(model.tensor(held))
    chosen = torch.as_tensor(target[known], device=inputs.device)
    with model.session(gradients=True) as network:
        guided = guide(network, inputs, chosen)
        entries = {"gradient": guided.abs(), "values": inputs * guided}
        if state.layer is not None and isinstance(model, TorchModel):
            found = grad_cam(network, model.module, inputs, chosen, layer=state.layer, channels_last=state.channels_last)
            entries["guided_grad_cam"] = guided_grad_cam(guided, found.heat, channels_last=state.channels_last).abs()
    owner = entry_owner(block.subject, held)
    measured: dict[str, NDArray[Any]] = {
        name: per_player(of.detach().cpu().double().numpy(), owner, len(players.names)) for name, of in entries.items()
    }
    return {"target": target.astype(np.int32), **filled(known, measured)}


@guided_backpropagation.prepare
def prepare(subject: Subject) -> Prepared:
    """Find the last convolution of a network of images; without one there is no guided Grad-CAM."""
    names, model, encoder = {"players": {"name": list(subject.players.names)}}, subject.model, subject.encoder
    if not isinstance(encoder, ImageEncoder) or not isinstance(model, TorchModel):
        return Prepared(State(), names)
    image = subject.encode(subject.evaluate.take(np.zeros(1, dtype=np.int64))).values
    try:
        with model.session(gradients=False) as network:
            layer = last_convolution(network, model.module, model.tensor(image))
    except MethodError as error:
        return Prepared(State(), names, (f"No guided Grad-CAM: {error}.",))
    return Prepared(State(layer, encoder.channels_last), names)
