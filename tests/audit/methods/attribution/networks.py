"""Small networks that libraries of attributions get wrong, for the tests of those that go through their operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

IMAGE, ROW, TOKENS = (1, 10, 10), (6,), (5, 8)


class Written(nn.Module):
    """A network whose forward pass is the function given, over its parts."""

    def __init__(self, call: Callable[[Any, Tensor], Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.call, self.parts = call, nn.ModuleList(parts)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.call(self.parts, inputs)


def row_networks() -> dict[str, nn.Module]:
    """Networks (n, 6) → (n, 3)."""
    relu, inplace = nn.ReLU(), nn.ReLU(inplace=True)
    body = lambda *acts: nn.Sequential(nn.Linear(6, 16), *acts, nn.Linear(16, 3))  # noqa: E731
    return {
        "relu": body(nn.ReLU()),
        "reused": nn.Sequential(nn.Linear(6, 16), relu, nn.Linear(16, 16), relu, nn.Linear(16, 3)),
        "in place and reused": nn.Sequential(nn.Linear(6, 16), inplace, nn.Linear(16, 16), inplace, nn.Linear(16, 3)),
        "functional": Written(lambda m, x: m[1](functional.relu(m[0](x), inplace=True).clamp(max=1)), nn.Linear(6, 16), nn.Linear(16, 3)),
        "a shortcut added in place": Written(_shortcut, nn.Linear(6, 6), nn.Linear(6, 3)),
        "in place on a view": Written(_on_a_view, nn.Linear(6, 16), nn.Linear(16, 3)),
        "GELU": body(nn.GELU()),
        "SiLU": body(nn.SiLU()),
        "kinked": body(nn.ELU(2.0), nn.LeakyReLU(), nn.Hardswish(), nn.PReLU()),
        "GLU": nn.Sequential(nn.Linear(6, 16), nn.GLU(), nn.Linear(8, 3)),
        "LayerNorm": body(nn.LayerNorm(16), nn.ReLU()),
        "RMSNorm": body(nn.RMSNorm(16)),
        "softmax": nn.Sequential(body(nn.Tanh()), nn.Softmax(dim=1)),
        "log-softmax": nn.Sequential(body(nn.Tanh()), nn.LogSoftmax(dim=1)),
        "products and quotients": Written(lambda m, x: m[1](m[0](x) * x / (1 + x.square())), nn.Linear(6, 6), nn.Linear(6, 3)),
        "lengths and spreads": Written(lambda m, x: torch.stack([x.norm(dim=1), x.std(1), m[0](x).logsumexp(1)], 1), nn.Linear(6, 4)),
        "maxima": Written(lambda m, x: torch.stack([x.amax(1), torch.maximum(x, m[0](x))[:, 0], x.min(1)[0]], 1), nn.Linear(6, 6)),
    }


def structured_networks() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    """Networks of images, places and series → (n, 3), with the shape of a row."""
    pooled = nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(6, 8, 2), nn.MaxPool2d(3, 1, 1), nn.Flatten()
    )
    normed = nn.Sequential(nn.Conv1d(5, 6, 3), nn.InstanceNorm1d(6), nn.GroupNorm(2, 6), nn.MaxPool1d(2), nn.Tanh(), nn.AdaptiveMaxPool1d(1))
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu")
    return {
        "overlapping max-pooling": (nn.Sequential(pooled, nn.Linear(72, 3)), IMAGE),
        "pooling in one dimension": (nn.Sequential(normed, nn.Flatten(), nn.Linear(6, 3)), TOKENS),
        "transformer": (nn.Sequential(layer, nn.Flatten(), nn.Linear(40, 3)), TOKENS),
        "masked attention of a module": (Written(_masked, nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)), TOKENS),
        "attention": (Written(_attention, nn.Linear(8, 8), nn.Linear(8, 3)), TOKENS),
        "LSTM": (Written(_last, nn.LSTM(8, 6, batch_first=True), nn.Linear(6, 3)), TOKENS),
        "GRU": (Written(_last, nn.GRU(8, 6, batch_first=True), nn.Linear(6, 3)), TOKENS),
    }


def fixed(network: nn.Module, dtype: torch.dtype = torch.float64, seed: int = 0) -> nn.Module:
    """The network with weights drawn from a seed, in evaluation mode, its parameters frozen."""
    generator = torch.Generator().manual_seed(seed)
    network = network.to(dtype).eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator).to(dtype) / max(1, parameter[0].numel()) ** 0.5)
    return network


def drawn(rows: int, shape: tuple[int, ...], dtype: torch.dtype = torch.float64, seed: int = 1) -> Tensor:
    """Normal rows from a seed."""
    return torch.randn(rows, *shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def _shortcut(parts: Any, inputs: Tensor) -> Tensor:
    hidden = parts[0](inputs)
    hidden += inputs
    return parts[1](hidden.relu_() + 0.1 * hidden)


def _on_a_view(parts: Any, inputs: Tensor) -> Tensor:
    hidden = parts[0](inputs)
    hidden[:, 8:].mul_(0.5)
    hidden[:, :8].relu_()
    return parts[1](hidden)


def _attention(parts: Any, inputs: Tensor) -> Tensor:
    hidden = functional.scaled_dot_product_attention(parts[0](inputs), inputs, inputs, is_causal=True)
    return parts[1](hidden).mean(dim=1)


def _masked(parts: Any, inputs: Tensor) -> Tensor:
    shut = torch.ones(5, 5, dtype=torch.bool).triu(1).to(inputs.device)
    hidden, weights = parts[0](inputs, inputs, inputs, attn_mask=shut)
    return parts[1](hidden).amax(dim=1) + torch.var_mean(weights, dim=(1, 2))[0][:, None]


def _last(parts: Any, inputs: Tensor) -> Tensor:
    return parts[1](parts[0](inputs)[0][:, -1])
