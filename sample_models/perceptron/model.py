"""The network of the perceptron sample: one linear layer, so every explanation of it has a closed form."""

from __future__ import annotations

from torch import nn


def build(inputs: int = 10) -> nn.Module:
    """(n, inputs) → (n, 1) logits."""
    return nn.Linear(inputs, 1)
