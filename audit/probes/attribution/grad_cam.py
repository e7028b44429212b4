"""Probe `attribution.grad_cam`: where in an image the last convolution supports the decided class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from audit.data.image_encoding import ImageEncoder
from audit.errors import MethodError
from audit.explained import filled, finite, targets
from audit.methods.saliency.grad_cam import grad_cam as heat_maps
from audit.methods.saliency.grad_cam import last_convolution
from audit.models.torch_model import TorchModel
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject

COLUMNS = {
    "target": Column("Position of the explained output; 0 for a network with one output."),
    "heat": Column("Support of each place for the explained output, row by row from the top left; at least 0, in no unit."),
    "flat": Column("1 where the map shows nothing: no place supports the output, or the layer answers the same everywhere.", "0 or 1"),
}


@dataclass(frozen=True)
class State:
    """Name of the layer that is looked at, and whether images come with their channels last."""

    layer: str
    channels_last: bool = False


@probe(columns=COLUMNS, needs={"inputs", "image", "gradients", "modules"}, reads=("outputs",), sample=200, block=64)
def grad_cam(block: Block, state: State) -> Columns:
    """Grad-CAM of the raw output of the decided class at the last convolution, enlarged to the image.

    Maps are coarse, one value per place of the layer, and show support only: places that speak against the class are cut off at 0. Rows without
    finite outputs get NaN.
    """
    target, known = targets(block), finite(block)
    model = _network(block.subject)
    with model.session(gradients=True) as network:
        inputs = model.tensor(block.batch.values[known])
        explained = torch.as_tensor(target[known], device=inputs.device)
        found = heat_maps(network, model.module, inputs, explained, layer=state.layer, channels_last=state.channels_last)
    measured = {"heat": found.heat.flatten(1).float().cpu().numpy(), "flat": found.flat.cpu().numpy().astype(np.int8)}
    return {"target": target.astype(np.int32), **filled(known, measured)}


@grad_cam.prepare
def prepare(subject: Subject) -> Prepared:
    """Find the last convolution; refuse a network that has none."""
    model = _network(subject)
    image = subject.encode(subject.evaluate.take(np.zeros(1, dtype=np.int64))).values
    with model.session(gradients=False) as network:
        layer = last_convolution(network, model.module, model.tensor(image))
    last = isinstance(subject.encoder, ImageEncoder) and subject.encoder.channels_last
    height, width = image.shape[1:3] if last else image.shape[2:]
    return Prepared(State(layer, last), {"map": {"layer": [layer], "height": [height], "width": [width]}})


def _network(subject: Subject) -> TorchModel:
    if not isinstance(subject.model, TorchModel):
        raise MethodError("Grad-CAM needs the layers of the network; the model file gives outputs only")
    return subject.model
