"""The network of the policy sample: from the state of a cart with a pole to the push that keeps the pole up."""

from __future__ import annotations

from torch import nn


def build(inputs: int = 4, hidden: int = 16) -> nn.Module:
    """(n, inputs) → (n, 2) logits of a push to the left and to the right."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, 2))
