"""Twins of a network with structure that is known: a player it ignores, a player that is there twice, a sum with a line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.methods.attribution.game import Network

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Twins:
    """Networks on flattened rows (m, entries + e), the last e of which are a copy of those of one player.

    `ignoring` looks at the first entries only, so that the last player is a dummy. `sharing` looks at the mean of the player and of its copy, so that
    the two are symmetric and, where they agree, it answers as the network. `owner` (entries + e,) gives the copy to a player of its own.
    """

    ignoring: Network
    sharing: Network
    owner: NDArray[np.int64]
    places: NDArray[np.int64]
    """Entries of the player that is copied, (e,)."""

    def extended(self, rows: Tensor) -> Tensor:
        """Rows (m, …) flattened, with the copy behind."""
        flat = rows.reshape(len(rows), -1)
        return torch.cat([flat, flat[:, torch.as_tensor(self.places, device=flat.device)]], dim=1)


def twins_of(network: Network, example: Tensor, owner: NDArray[np.int64], *, player: int, players: int) -> Twins:
    """Twins of a `network` on rows like `example` (m, …) of floating type, in which entry e of a flattened row belongs to ``owner[e]``.

    Both are made of linear maps in front of the network, which every method has a rule for. Axioms: Shapley 1953; Sundararajan, Taly & Yan 2017,
    arXiv:1703.01365.
    """
    shape, entries, places = tuple(example.shape[1:]), len(owner), np.flatnonzero(owner == player)
    keep = torch.ones(entries, dtype=example.dtype, device=example.device)
    keep[places] = 0.5
    half = torch.zeros(len(places), entries, dtype=example.dtype, device=example.device)
    half[np.arange(len(places)), places] = 0.5

    def ignoring(flat: Tensor) -> Tensor:
        return network(flat[:, :entries].reshape(-1, *shape))

    def sharing(flat: Tensor) -> Tensor:
        return network((flat[:, :entries] * keep + flat[:, entries:] @ half).reshape(-1, *shape))

    return Twins(ignoring, sharing, np.concatenate([owner, np.full(len(places), players)]), places)


def with_line(network: Network, slope: Tensor) -> Network:
    """The sum of a network and of one line through the entries of a flattened row, `slope` (entries,), in every output."""

    def summed(rows: Tensor) -> Tensor:
        return network(rows) + (rows.reshape(len(rows), -1) @ slope)[:, None]

    return summed


def dummy_share(values: Array) -> Array:
    """Part of the absolute attribution (n, players + 1) that the last player, which the network ignores, has, (n,); 0 where all are 0."""
    return _share(np.abs(values[:, -1]), values)


def asymmetry(values: Array, player: int) -> Array:
    """How far the player and its copy, the last one, are apart, over the absolute attribution of the row, (n,); 0 where all are 0."""
    return _share(np.abs(values[:, player] - values[:, -1]), values)


def nonlinearity(values: Array, parts: Array) -> Array:
    """How far attributions of a sum (n, players) are from the sum of those of its `parts`, over their own absolute sum, (n,)."""
    return _share(np.abs(values - parts).sum(axis=1), values)


def _share(part: Array, values: Array) -> Array:
    size = np.abs(values).sum(axis=1)
    result: Array = np.divide(part, size, out=np.zeros(len(values)), where=size > 0)
    return result
