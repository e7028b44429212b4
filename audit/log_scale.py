"""Probabilities and logits, one into the other, without overflow and with logarithms that stay finite. numpy only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SMALLEST = 1e-15
"""Probabilities are held to at least this, and at most 1 minus this, before a logarithm is taken, so that no loss is infinite."""


def sigmoid(z: Floats) -> Floats:
    """1 / (1 + exp(-z)), in [0, 1]."""
    small = np.exp(-np.abs(z))
    probability: Floats = np.where(z >= 0, 1.0, small) / (1.0 + small)
    return probability


def log_softmax(z: Floats) -> Floats:
    """Logarithm of the softmax over classes, (n, K)."""
    shifted: Floats = z - z.max(axis=1, keepdims=True, initial=-np.inf)
    found: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return found


def logs(probability: Floats) -> Floats:
    """Logarithm of probabilities held away from 0 and 1."""
    found: Floats = np.log(np.clip(probability, SMALLEST, 1 - SMALLEST))
    return found


def logit(probability: Any) -> Any:
    """log(p / (1 - p)) of a number or an array, p held away from 0 and 1."""
    held = np.clip(probability, SMALLEST, 1 - SMALLEST)
    return np.log(held) - np.log1p(-held)
