"""Factories of the smoke subjects' networks; audit files name them, so nothing else belongs here."""

from __future__ import annotations

from torch import Tensor, nn


def digits(channels: int = 6) -> nn.Module:
    """(n, 1, 8, 8) images → (n, 10) logits."""
    return nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * channels, 10))


def diabetes(inputs: int = 9, hidden: int = 16) -> nn.Module:
    """(n, inputs) → (n, 1) progression of the disease."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, 1))


def table(inputs: int = 4, hidden: int = 8, classes: int = 1) -> nn.Module:
    """(n, inputs) → (n, classes) logits; one logit for a binary network."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, classes))


class Reader(nn.Module):
    """Token ids (n, length), and the mask (n, length) where it is given, → (n, 1) logit: a GRU over embeddings, mean of its states."""

    def __init__(self, ids: int, width: int = 8) -> None:
        super().__init__()
        self.embedding = nn.Embedding(ids, width)
        self.recurrent = nn.GRU(width, 8, batch_first=True)
        self.head = nn.Linear(8, 1)

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        states, _ = self.recurrent(self.embedding(ids))
        if mask is None:
            return self.head(states.mean(dim=1))
        kept = mask[..., None].to(states.dtype)
        return self.head((states * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1))


def text(ids: int, *, mask: bool = False) -> nn.Module:
    """A reader of reviews."""
    return Reader(ids)
