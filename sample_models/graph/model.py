"""The network of the graph sample: what an account is and what its neighbourhood is like, one linear layer for each distance, then one logit."""

from __future__ import annotations

from torch import Tensor, cat, nn, tanh


class Neighbourhoods(nn.Module):
    """(n, hops · features) → (n, 1): features of the node, means over its neighbours, means over theirs, …, each through weights of its own.

    The means are columns of the data, made beforehand: Frasca et al. 2020 (SIGN), arXiv:2004.11198. So a row can be decided, and explained,
    by itself.
    """

    def __init__(self, features: int, hops: int, hidden: int) -> None:
        super().__init__()
        self.features = features
        self.inner = nn.ModuleList(nn.Linear(features, hidden) for _ in range(hops))
        self.head = nn.Linear(hops * hidden, 1)

    def forward(self, rows: Tensor) -> Tensor:
        parts = rows.split(self.features, dim=1)
        return self.head(tanh(cat([layer(part) for layer, part in zip(self.inner, parts, strict=True)], dim=1)))


def build(features: int = 3, hops: int = 3, hidden: int = 6) -> nn.Module:
    """A network of neighbourhoods."""
    return Neighbourhoods(features, hops, hidden)
