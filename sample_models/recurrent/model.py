"""The network of the recurrent sample: it reads a word letter by letter and says which of two made-up languages it belongs to."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

CELLS = {"gru": nn.GRU, "plain": nn.RNN}


class Speller(nn.Module):
    """Letter ids (n, length) and lengths (n,) → (n, 1): the state after the last letter of each word, read out by a linear layer."""

    def __init__(self, letters: int, width: int, cell: Literal["gru", "plain"]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(letters, 8)
        self.recurrent = CELLS[cell](8, width, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        states, _ = self.recurrent(self.embedding(ids))
        return self.head(states[torch.arange(len(ids), device=ids.device), lengths - 1])


def build(letters: int = 19, width: int = 16, cell: Literal["gru", "plain"] = "gru") -> nn.Module:
    """A reader of words, with gated units or with plain ones."""
    return Speller(letters, width, cell)
