"""The network of the machines sample: an LSTM over readings of two sensors, with one logit, the log-odds of a failure within a week."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Watch(nn.Module):
    """(n, steps, channels) and lengths (n,) → (n, 1): the state of the LSTM at the last reading of each machine, read out by a linear layer."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(channels, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, readings: Tensor, lengths: Tensor) -> Tensor:
        states, _ = self.lstm(readings)
        last = states[torch.arange(len(states), device=states.device), lengths - 1]
        return self.head(last)


def build(channels: int = 2, hidden: int = 12) -> nn.Module:
    """A watch over machines."""
    return Watch(channels, hidden)
