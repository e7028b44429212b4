"""The network of the regression sample: a multilayer perceptron that predicts one quantity, the progression of diabetes after a year."""

from __future__ import annotations

from torch import Tensor, nn

MEAN, DEVIATION = 150.0, 75.0
"""What the network adds and multiplies by, so that it learns numbers near 0 and returns points of the progression score."""


class Progression(nn.Module):
    """(n, inputs) → (n, 1) in points of the score."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        return MEAN + DEVIATION * self.layers(inputs)


def build(inputs: int = 10, hidden: int = 8) -> nn.Module:
    """A network that predicts progression."""
    return Progression(inputs, hidden)
