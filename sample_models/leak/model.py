"""The network of the leak sample: a multilayer perceptron with one logit, the log-odds that a bill is not paid."""

from __future__ import annotations

from torch import nn


def build(inputs: int, hidden: int = 12) -> nn.Module:
    """(n, inputs) → (n, 1) logits through one layer of `hidden` rectified units."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, 1))
