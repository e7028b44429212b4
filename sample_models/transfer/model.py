"""The network of the transfer sample: a body that learned to tell ten digits, and a head for another question."""

from __future__ import annotations

from torch import nn


def body(channels: int, features: int) -> nn.Sequential:
    """(n, 1, 8, 8) → (n, features): two convolutions, the second on a grid of half the resolution, and a linear layer."""
    first = (nn.Conv2d(1, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    second = (nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(4 * channels, features), nn.ReLU())


def build(channels: int = 12, features: int = 16, outputs: int = 1) -> nn.Module:
    """(n, 1, 8, 8) → (n, outputs) logits: the body, then a linear head."""
    return nn.Sequential(body(channels, features), nn.Linear(features, outputs))
