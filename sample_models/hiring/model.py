"""The network of the hiring sample: a multilayer perceptron with one logit, the log-odds that an applicant is invited."""

from __future__ import annotations

from itertools import pairwise

from torch import nn


def build(inputs: int, hidden: tuple[int, ...] | list[int] = (24, 12)) -> nn.Module:
    """(n, inputs) → (n, 1) logits through layers of `hidden` rectified units."""
    layers: list[nn.Module] = []
    for taken, given in pairwise((inputs, *hidden)):
        layers += [nn.Linear(taken, given), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden[-1], 1))
