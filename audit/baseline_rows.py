"""Rows and what they are held against, as methods that go from one to the other need them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit.data.encoding import StructuredEncoder
from audit.models.model import DifferentiableModel, SmoothModel
from audit.subject import Subject

CPU_ROWS, DEVICE_ROWS = 1024, 32_768
"""Rows sent through the network at once: few stay in the processor's cache, many keep an accelerator busy."""


def rows_and_baselines(subject: Subject, model: SmoothModel, values: NDArray[Any], background: NDArray[Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Encoded rows `values` as a leaf (n, …), and baselines: (b, …) for all rows, or (n, b, …) where what stands for absent is each row's own."""
    inputs, encoder = model.smooth(model.tensor(values)), subject.encoder
    if not isinstance(encoder, StructuredEncoder) or encoder.alike(values) is None or not len(values):
        return inputs, model.smooth(model.tensor(background)) if len(background) else inputs[:, None]
    own = np.stack([encoder.absent(row, background) for row in values])
    baselines = model.smooth(model.tensor(own.reshape(-1, *values.shape[1:]))).reshape(*own.shape[:2], *inputs.shape[1:])
    if inputs.ndim > values.ndim:  # embedded: the id stays that of the row, so that mask and lengths are those of its own text
        baselines[..., -1] = inputs[:, None, ..., -1]
    return inputs, baselines


def at_once(model: DifferentiableModel) -> int:
    """Rows to send through the network at once."""
    return CPU_ROWS if model.device == "cpu" else DEVICE_ROWS
