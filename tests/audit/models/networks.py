"""Small networks with known answers, and batches for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from audit.data.batch import Batch
from audit.data.dataset import RowBlock


def batch(values: np.ndarray) -> Batch:
    """Values as the one leaf of a batch."""
    return Batch({"x": values}, "x", RowBlock(np.arange(len(values)), {}))


def rows(n: int, width: int = 3) -> np.ndarray:
    """Reproducible inputs (n, width)."""
    return np.random.default_rng(3).normal(size=(n, width))


def perceptron() -> nn.Module:
    """(n, 3) → (n, 2), with dropout and normalisation, whose mode shows."""
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Tanh(), nn.Linear(8, 2))


class Answers(nn.Module):
    """Answers with whatever a function makes of the inputs."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x: torch.Tensor) -> Any:
        return self.answer(x)


class Cramped(nn.Module):
    """Doubles its inputs, and runs out of memory for more than `room` rows."""

    def __init__(self, room: int, error: type[RuntimeError] = torch.OutOfMemoryError) -> None:
        super().__init__()
        self.room, self.error = room, error
        self.sizes: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(x))
        if len(x) > self.room:
            raise self.error("CUDA out of memory. Tried to allocate 2 GiB")
        return 2 * x
