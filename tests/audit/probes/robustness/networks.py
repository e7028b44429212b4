"""Factories that the audit files of these tests name: an honest network, and broken defences around it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Louder(nn.Module):
    """The same decisions with much larger logits."""

    def __init__(self, inner: nn.Module, factor: float) -> None:
        super().__init__()
        self.inner, self.factor = inner, factor

    def forward(self, inputs: Tensor) -> Tensor:
        return self.factor * self.inner(inputs)


class Rounded(nn.Module):
    """Inputs rounded before they are used: a gradient of zero everywhere."""

    def __init__(self, inner: nn.Module, cells: float) -> None:
        super().__init__()
        self.inner, self.cells = inner, cells

    def forward(self, inputs: Tensor) -> Tensor:
        return self.inner(torch.round(inputs * self.cells) / self.cells)


def linear(inputs: int) -> nn.Module:
    """(n, inputs) → (n, 1) logit."""
    return nn.Linear(inputs, 1)


def honest(inputs: int, classes: int = 1) -> nn.Module:
    """(n, inputs) → (n, classes) logits."""
    return nn.Sequential(nn.Linear(inputs, 12), nn.Tanh(), nn.Linear(12, classes))


def louder(inputs: int, classes: int = 1) -> nn.Module:
    """`honest` with logits a thousand times as large."""
    return Louder(honest(inputs, classes), 1000.0)


def rounded(inputs: int, classes: int = 1) -> nn.Module:
    """`honest` behind inputs rounded to quarters."""
    return Rounded(honest(inputs, classes), 4.0)
