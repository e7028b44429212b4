"""The networks of the discriminator sample: one that tells real payments from made-up ones, and the generator it was trained against."""

from __future__ import annotations

from torch import nn

NOISE = 4
"""Random numbers that the generator makes a payment from."""


def build(inputs: int = 4, hidden: int = 32) -> nn.Module:
    """The discriminator, (n, inputs) → (n, 1) realness: the log-odds that a payment is real."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1))


def generator(inputs: int = 4, hidden: int = 32) -> nn.Module:
    """(n, NOISE) → (n, inputs) made-up payments; needed for training only."""
    return nn.Sequential(nn.Linear(NOISE, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, inputs))
