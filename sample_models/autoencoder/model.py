"""The network of the autoencoder sample: images of handwritten digits through twelve numbers and back."""

from __future__ import annotations

from torch import nn


def build(hidden: int = 48, code: int = 12) -> nn.Module:
    """(n, 1, 8, 8) → (n, 1, 8, 8). What fits into `code` numbers is what the training images have in common."""
    encoder = (nn.Flatten(), nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, code), nn.ReLU())
    return nn.Sequential(*encoder, nn.Linear(code, hidden), nn.ReLU(), nn.Linear(hidden, 64), nn.Unflatten(1, (1, 8, 8)))
