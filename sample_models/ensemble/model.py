"""The networks of the ensemble sample: one small perceptron, or several whose probabilities are averaged."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """(n, inputs) → (n, 1): the mean of the members' probabilities that a field needs water."""

    def __init__(self, members: int, inputs: int, hidden: int) -> None:
        super().__init__()
        self.members = nn.ModuleList(build(1, inputs, hidden) for _ in range(members))

    def forward(self, values: Tensor) -> Tensor:
        return torch.stack([torch.sigmoid(member(values)) for member in self.members]).mean(dim=0)


def build(members: int = 5, inputs: int = 5, hidden: int = 16) -> nn.Module:
    """An ensemble that gives probabilities, or with one member that member alone, which gives logits."""
    if members == 1:
        return nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, 1))
    return Ensemble(members, inputs, hidden)
