"""The network of the self-supervised sample: an encoder of series, and a linear probe that reads its features."""

from __future__ import annotations

from torch import Tensor, nn


class Encoder(nn.Module):
    """(n, 1, steps) → (n, features) of length 1: two convolutions, the mean over time of what they find, a linear layer."""

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.look = nn.Sequential(nn.Conv1d(1, channels, 7, padding=3), nn.ReLU(), nn.Conv1d(channels, channels, 5, padding=2), nn.ReLU())
        self.features = nn.Linear(channels, features)

    def forward(self, series: Tensor) -> Tensor:
        return nn.functional.normalize(self.features(self.look(series).mean(dim=2)), dim=1)


def build(channels: int = 16, features: int = 8) -> nn.Module:
    """(n, 1, steps) → (n, 1) logits: the encoder, then the probe."""
    return nn.Sequential(Encoder(channels, features), nn.Linear(features, 1))
