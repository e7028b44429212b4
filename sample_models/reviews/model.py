"""The network of the reviews sample: one transformer layer over words, with one logit, the log-odds that a review praises."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Reader(nn.Module):
    """Word ids (n, length) and a mask of what is no padding (n, length) → (n, 1): each word attends to all, and their mean is read out."""

    def __init__(self, words: int, length: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.places = nn.Parameter(0.1 * torch.randn(length, width))
        self.layer = nn.TransformerEncoderLayer(width, nhead=2, dim_feedforward=2 * width, dropout=0.0, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        read = mask.clone()
        read[:, 0] = True  # attention over nothing is not a number: a review without words is read as one padding
        states = self.layer(self.embedding(ids) + self.places, src_key_padding_mask=~read)
        kept = read[..., None].to(states.dtype)
        return self.head((states * kept).sum(dim=1) / kept.sum(dim=1))


def build(words: int = 35, length: int = 12, width: int = 16) -> nn.Module:
    """A reader of short reviews."""
    return Reader(words, length, width)
