"""Architectures of published networks, written from the names and shapes of their weights and the papers or lessons they come from."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Titanic(nn.Module):
    """(n, 12) → (n, 2) probabilities of not surviving and surviving; sigmoid between, softmax at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.linear1, self.linear2, self.linear3 = nn.Linear(12, 12), nn.Linear(12, 8), nn.Linear(8, 2)

    def forward(self, rows: Tensor) -> Tensor:
        return torch.softmax(self.linear3(torch.sigmoid(self.linear2(torch.sigmoid(self.linear1(rows))))), dim=1)


class LeNet(nn.Module):
    """(n, 3, 32, 32) → (n, 10) logits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, images: Tensor) -> Tensor:
        seen = nn.functional.max_pool2d(torch.relu(self.conv1(images)), 2)
        seen = nn.functional.max_pool2d(torch.relu(self.conv2(seen)), 2).flatten(1)
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(seen)))))
