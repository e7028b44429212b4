"""Factories of the smoke subjects' networks; audit files name them, so nothing else belongs here."""

from __future__ import annotations

from torch import nn


def digits(channels: int = 6) -> nn.Module:
    """(n, 1, 8, 8) images → (n, 10) logits."""
    return nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * channels, 10))


def diabetes(inputs: int = 9, hidden: int = 16) -> nn.Module:
    """(n, inputs) → (n, 1) progression of the disease."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, 1))


def table(inputs: int = 4, hidden: int = 8, classes: int = 1) -> nn.Module:
    """(n, inputs) → (n, classes) logits; one logit for a binary network."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, classes))
