"""Twins of a network with structure that is known: a player it ignores, a player that is there twice, a sum with a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.methods.attribution.answers import Network

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Twins:
    """Networks on flattened rows (m, entries + e), the last e of which are a copy of those of one player.

    `ignoring` looks at the first entries only, so that the last player is a dummy. `sharing` treats the player and its copy alike, so that the two
    are symmetric and, where they agree, it answers as the network. `owner` (entries + e,) gives the copy to a player of its own.
    """

    ignoring: Network
    sharing: Network
    owner: NDArray[np.int64]
    places: NDArray[np.int64]
    """Entries of the player that is copied, (e,)."""
    shape: tuple[int, ...]
    """Of one row of the network."""

    def extended(self, rows: Tensor) -> Tensor:
        """Rows (…, *shape) flattened, with the copy behind, (…, entries + e)."""
        flat = rows.reshape(*rows.shape[: rows.ndim - len(self.shape)], -1)
        return torch.cat([flat, flat[..., torch.as_tensor(self.places, device=flat.device)]], dim=-1)


def twins_of(network: Network, example: Tensor, owner: NDArray[np.int64], *, player: int, players: int, ids: bool = False) -> Twins:
    """Twins of a `network` on rows like `example` (m, …), in which entry e of a flattened row belongs to ``owner[e]``.

    Where entries are numbers, `sharing` answers to the mean of the player and its copy: both twins are linear maps in front of the network, which
    every method has a rule for. Of `ids` there is no mean, so it is the mean of the answers to the one and to the other. Axioms: Shapley 1953;
    Sundararajan, Taly & Yan 2017, arXiv:1703.01365.
    """
    shape, entries, places = tuple(example.shape[1:]), len(owner), np.flatnonzero(owner == player)

    def ignoring(flat: Tensor) -> Tensor:
        return network(flat[:, :entries].reshape(-1, *shape))

    def answering_both(flat: Tensor) -> Tensor:
        other = flat[:, :entries].clone()
        other[:, places] = flat[:, entries:]
        return (ignoring(flat) + network(other.reshape(-1, *shape))) / 2

    owners = np.concatenate([owner, np.full(len(places), players)])
    if ids:
        return Twins(ignoring, answering_both, owners, places, shape)
    keep = torch.ones(entries, dtype=example.dtype, device=example.device)
    keep[places] = 0.5
    half = torch.zeros(len(places), entries, dtype=example.dtype, device=example.device)
    half[np.arange(len(places)), places] = 0.5

    def sharing(flat: Tensor) -> Tensor:
        return network((flat[:, :entries] * keep + flat[:, entries:] @ half).reshape(-1, *shape))

    return Twins(ignoring, sharing, owners, places, shape)


def with_line(network: Network, slope: Tensor, numbers: Callable[[Tensor], Tensor] = lambda flat: flat) -> Network:
    """The sum of a network and of one line through the `numbers` of a flattened row, `slope` (entries,), in every output."""

    def summed(rows: Tensor) -> Tensor:
        return network(rows) + (numbers(rows.reshape(len(rows), -1)) @ slope)[:, None]

    return summed


def numbers_of(flat: Tensor, ids: NDArray[np.bool_], dtype: torch.dtype) -> Tensor:
    """Flattened rows (m, entries) as numbers a line can go through: those that are `ids` (entries,), which have no order, as their sines."""
    each = flat.type(dtype)
    return torch.where(torch.as_tensor(ids, device=flat.device), each.sin(), each) if ids.any() else each


def dummy_share(values: Array) -> Array:
    """Part of the absolute attribution (n, players + 1) that the last player, which the network ignores, has, (n,); 0 where all are 0."""
    return _share(np.abs(values[:, -1]), values)


def asymmetry(values: Array, player: int | NDArray[np.int64]) -> Array:
    """How far the player (one, or one of each row, (n,)) and its copy, the last one, are apart, over the absolute attribution of the row, (n,); 0
    where all are 0."""
    return _share(np.abs(values[np.arange(len(values)), player] - values[:, -1]), values)


def nonlinearity(values: Array, parts: Array) -> Array:
    """How far attributions of a sum (n, players) are from the sum of those of its `parts`, over their own absolute sum, (n,)."""
    return _share(np.abs(values - parts).sum(axis=1), values)


def _share(part: Array, values: Array) -> Array:
    size = np.abs(values).sum(axis=1)
    result: Array = np.divide(part, size, out=np.zeros(len(values)), where=size > 0)
    return result
