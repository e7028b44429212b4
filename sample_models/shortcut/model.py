"""The network of the shortcut sample: a small convolutional network that reads handwritten digits."""

from __future__ import annotations

from torch import nn


def build(channels: int = 16) -> nn.Module:
    """(n, 1, 8, 8) → (n, 10) logits: two convolutions, the second on a grid of half the resolution."""
    look = (nn.Conv2d(1, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU())
    return nn.Sequential(*look, nn.Flatten(), nn.Linear(16 * channels, 10))
