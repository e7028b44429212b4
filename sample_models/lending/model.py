"""The network of the lending sample: a small multilayer perceptron with one logit, the log-odds that an application is approved."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


def build(inputs: int = 24, hidden: Sequence[int] = (48, 24)) -> nn.Module:
    """Fully connected layers with tanh between them: (n, inputs) → (n, 1) logits.

    tanh is bounded, so a single extreme income cannot drive the output by itself, and smooth, so gradients exist everywhere.
    """
    layers: list[nn.Module] = []
    width = inputs
    for size in hidden:
        layers += [nn.Linear(width, size), nn.Tanh()]
        width = size
    return nn.Sequential(*layers, nn.Linear(width, 1))
