"""Factories of the smoke subjects' networks; audit files name them, so nothing else belongs here."""

from __future__ import annotations

import torch
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


def autoencoder(inputs: int = 4, code: int = 2) -> nn.Module:
    """(n, inputs) → (n, inputs), through fewer numbers."""
    return nn.Sequential(nn.Linear(inputs, 8), nn.Tanh(), nn.Linear(8, code), nn.Linear(code, 8), nn.Tanh(), nn.Linear(8, inputs))


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


class ChannelsLast(nn.Module):
    """A network of (n, height, width, channels) made of one of (n, channels, height, width)."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, images: Tensor) -> Tensor:
        return self.body(images.permute(0, 3, 1, 2))


def photos(*, channels_last: bool = False) -> nn.Module:
    """(n, 3, 8, 12) images, or (n, 8, 12, 3), → (n, 1) logit."""
    body = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(144, 1))
    return ChannelsLast(body) if channels_last else body


class Monitor(nn.Module):
    """Series (n, length, channels), and the mask (n, length) where it is given, → (n, 1) logit: a GRU, mean of its states while there are values."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.recurrent = nn.GRU(channels, 8, batch_first=True)
        self.head = nn.Linear(8, 1)

    def forward(self, values: Tensor, mask: Tensor | None = None) -> Tensor:
        states, _ = self.recurrent(values)
        if mask is None:
            return self.head(states.mean(dim=1))
        kept = mask[..., None].to(states.dtype)
        return self.head((states * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1))


def series(channels: int) -> nn.Module:
    """A monitor of series."""
    return Monitor(channels)


class Parcels(nn.Module):
    """A grey image (n, 1, 6, 6), columns (n, columns), and token ids (n, length) where there are any, → (n, 1) logit."""

    def __init__(self, columns: int, ids: int) -> None:
        super().__init__()
        self.look = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(64, 6), nn.Tanh())
        self.read = nn.Embedding(ids, 3) if ids else None
        self.head = nn.Sequential(nn.Linear(6 + columns + (3 if ids else 0), 8), nn.Tanh(), nn.Linear(8, 1))

    def forward(self, image: Tensor, columns: Tensor, words: Tensor | None = None) -> Tensor:
        parts = [self.look(image), columns]
        if self.read is not None and words is not None:
            parts.append(self.read(words).mean(dim=1))
        return self.head(torch.cat(parts, dim=1))


def several(columns: int, ids: int = 0) -> nn.Module:
    """A network with an image, a table, and maybe a text."""
    return Parcels(columns, ids)
