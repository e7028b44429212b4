"""Rows and what they are held against, as methods that go from one to the other need them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit.data.encoding import StructuredEncoder
from audit.methods.attribution.answers import Network
from audit.methods.attribution.first_layer import FirstLayer, first_layer
from audit.models.model import DifferentiableModel, SmoothModel
from audit.models.torch_model import TorchModel
from audit.subject import Subject

CPU_BYTES, DEVICE_BYTES = 8 * 2**20, 256 * 2**20
"""Bytes of inputs that go through the network at once."""
CPU_ROWS, DEVICE_ROWS = 1024, 32_768
"""Rows sent through the network at once for each core, or device: few stay in a processor's cache, many keep an accelerator busy."""


def rows_and_baselines(subject: Subject, model: SmoothModel, values: NDArray[Any], background: NDArray[Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Encoded rows `values` as a leaf (n, …), and baselines: (b, …) for all rows, or (n, b, …) where what stands for absent is each row's own."""
    inputs, encoder = model.smooth(model.tensor(values)), subject.encoder
    if not isinstance(encoder, StructuredEncoder) or encoder.alike(values) is None or not len(values):
        return inputs, model.smooth(model.tensor(background)) if len(background) else inputs[:, None]
    own = np.stack([encoder.absent(row, background) for row in values])
    baselines = model.smooth(model.tensor(own.reshape(-1, *values.shape[1:]))).reshape(*own.shape[:2], *inputs.shape[1:])
    # What says how a row is to be read stays that of the row, so that mask and lengths are those of its own text and series.
    fixed = torch.as_tensor(model.smooth_entries(values.shape[1:]).fixed, device=inputs.device).reshape(inputs.shape[1:])
    baselines[:, :, fixed] = inputs[:, fixed][:, None]
    return inputs, baselines


def first_layer_of(model: DifferentiableModel, network: Network, leaf: torch.Tensor) -> FirstLayer | None:
    """The network's first layer where it is linear and alone reads rows such as those of `leaf` (m, …); None where not, or not a torch module."""
    return first_layer(network, model.module, leaf) if isinstance(model, TorchModel) else None


def rows_at_once(model: DifferentiableModel, values: NDArray[Any], *, gradients: bool) -> int:
    """Encoded rows such as `values` (n, …) to send through the network at once: so many, and no more bytes of inputs than the device's budget."""
    cpu = model.device == "cpu"
    most, budget = (CPU_ROWS if gradients else 4 * CPU_ROWS, CPU_BYTES) if cpu else (DEVICE_ROWS if gradients else 4 * DEVICE_ROWS, DEVICE_BYTES)
    return max(1, min(most, budget // max(1, int(np.prod(values.shape[1:])) * values.itemsize)))


def at_once(model: DifferentiableModel) -> int:
    """Rows to send through the network at once."""
    return CPU_ROWS if model.device == "cpu" else DEVICE_ROWS
