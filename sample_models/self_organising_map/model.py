"""The network of the map sample: a self-organising map whose answer is how far a row lies from its nearest unit."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SelfOrganisingMap(nn.Module):
    """Units on a square grid, each a point among the inputs (Kohonen 1982, doi:10.1007/BF00337288)."""

    def __init__(self, side: int, inputs: int) -> None:
        super().__init__()
        self.units = nn.Parameter(torch.zeros(side * side, inputs), requires_grad=False)

    def forward(self, rows: Tensor) -> Tensor:
        """(n, inputs) → (n, 1) distance to the best matching unit; the tiny number keeps the gradient finite on a unit."""
        return (self.squared(rows).amin(dim=1, keepdim=True) + 1e-12).sqrt()

    def squared(self, rows: Tensor) -> Tensor:
        """(n, inputs) → (n, units) squared distances."""
        return (rows[:, None] - self.units).square().sum(dim=2)


def build(side: int = 8, inputs: int = 5) -> SelfOrganisingMap:
    """A map of `side` × `side` units."""
    return SelfOrganisingMap(side, inputs)
