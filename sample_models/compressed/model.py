"""The networks of the compressed sample: a perceptron of any width, and the same with weights stored as whole numbers of eight bits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class EightBitLinear(nn.Module):
    """A linear layer stored as int8 with one scale for each output; it multiplies in floating point by the numbers these stand for."""

    weight: Tensor
    scale: Tensor
    bias: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(outputs, inputs, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(outputs, 1))
        self.register_buffer("bias", torch.zeros(outputs))

    def forward(self, values: Tensor) -> Tensor:
        return nn.functional.linear(values, self.weight.to(values.dtype) * self.scale, self.bias)


def build(hidden: Sequence[int] = (64, 32), inputs: int = 6, *, eight_bit: bool = False) -> nn.Module:
    """Fully connected layers with rectifiers between them: (n, inputs) → (n, 1) logits, the log-odds that a patient comes."""
    linear = EightBitLinear if eight_bit else nn.Linear
    layers: list[nn.Module] = []
    for before, after in zip((inputs, *hidden), hidden, strict=False):
        layers += [linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers, linear(hidden[-1], 1))


def quantised(network: nn.Module, hidden: Sequence[int], inputs: int = 6) -> nn.Module:
    """`network` with each row of its weights rounded to 255 steps between minus and plus its largest."""
    stored = build(hidden, inputs, eight_bit=True)
    for given, kept in zip(network, stored, strict=True):
        if isinstance(given, nn.Linear):
            weight = given.weight.detach()
            scale = weight.abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / 127
            kept.weight, kept.scale, kept.bias = (weight / scale).round().to(torch.int8), scale, given.bias.detach()
    return stored
