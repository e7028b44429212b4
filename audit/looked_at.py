"""The layer that an instrument looks into, and evaluated rows to find out what is in it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError
from audit.methods.saliency.layer_units import Layer, find_layer
from audit.models.torch_model import TorchModel
from audit.streams import generator
from audit.subject import Subject

MOST_UNITS = 512
"""Units of a layer that are kept row by row."""
DRAWN, TRIED = 128, 3
"""Evaluated rows that units are chosen by; rows on which the layer is tried."""


def network_of(subject: Subject) -> TorchModel:
    """The network whose layers are at hand; raises MethodError where the model gives outputs only."""
    if not isinstance(subject.model, TorchModel):
        raise MethodError("only a network whose layers are at hand can be looked into; the model file gives outputs only")
    return subject.model


def layer_of(subject: Subject, name: str) -> Layer:
    """The layer of that name, or what the last linear layer receives; raises MethodError where it cannot be looked at."""
    model = network_of(subject)
    with model.session(gradients=False) as network:
        return find_layer(network, model.module, model.tensor(drawn_rows(subject)[:TRIED]), name)


def drawn_rows(subject: Subject) -> NDArray[Any]:
    """Some encoded evaluated rows (m, …), drawn from the run's seed."""
    data = subject.evaluate
    chosen = generator(subject.seed, f"looked at {data.digest}").permutation(data.n_rows)[:DRAWN]
    return subject.encode(data.take(np.sort(chosen).astype(np.int64))).values
