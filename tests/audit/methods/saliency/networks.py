"""Small networks for saliency: smooth, linear, convolutional."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def smooth() -> nn.Module:
    """(n, 3) → (n, 4) in float64."""
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4)).double()


class Convolutional(nn.Module):
    """(n, 2, 9, 7) → (n, 3) in float64, with an unused convolution declared last and an activation that overwrites its input."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.second = nn.Conv2d(4, 5, 3)
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(5 * 7 * 5, 3)
        self.unused = nn.Conv2d(1, 1, 1)
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.relu(self.second(self.relu(self.first(x))))
        out: Tensor = self.head(hidden.flatten(1))
        return out


def rows(*shape: int) -> Tensor:
    """Reproducible inputs in float64."""
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
