"""Networks whose Shapley values are known in closed form, and a second, slower way to the values of any network."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import torch
from torch import nn


def linear(generator, d, k=1):
    """x ↦ W x + c: the value of player j is W_j (x_j - mean b_j)."""
    weight = torch.from_numpy(generator.normal(size=(k, d)))
    return weight, lambda x: x @ weight.T + 0.3


def product(x):
    """The product of all entries, an interaction of order d."""
    return x.prod(dim=1, keepdim=True)


def product_values(row, background):
    """Shapley values (d,) of `product`, averaged over background rows, for any d.

    With p(t) = Π_j (b_j + t (x_j - b_j)) the multilinear extension along the diagonal, the value of j is ∫ p(t) (x_j - b_j) / (b_j +
    t (x_j - b_j)) dt over [0, 1] (Owen 1972), a polynomial that Gauss–Legendre quadrature integrates exactly.
    """
    d = len(row)
    nodes, weights = np.polynomial.legendre.leggauss(d // 2 + 1)
    t = (nodes + 1) / 2
    values = np.zeros(d)
    for b in background:
        factors = b + t[:, None] * (row - b)
        for j in range(d):
            values[j] += (weights / 2) @ np.delete(factors, j, axis=1).prod(axis=1) * (row[j] - b[j])
    return values / len(background)


def brute_force(network, row, background, owner, players):
    """Mean marginal contribution over all orders of the players and all background rows, (players, k); M! b walks, one row at a time."""
    owner = np.asarray(owner)
    total = 0
    for order in permutations(range(players)):
        for b in background:
            point, before, found = b.clone(), network(b[None])[0], []
            for player in order:
                point[owner == player] = row[owner == player]
                after = network(point[None])[0]
                found.append((player, after - before))
                before = after
            total = total + torch.stack([gain for _, gain in sorted(found, key=lambda item: item[0])])
    return (total / (len(background) * len(list(permutations(range(players)))))).numpy()


def network(d, k=1, *, seed=0, activation=nn.Tanh, width=16, gain=2.0, dtype=torch.float64):
    """A small frozen multilayer perceptron with strong interactions."""
    torch.manual_seed(seed)
    made = nn.Sequential(nn.Linear(d, width), activation(), nn.Linear(width, width), activation(), nn.Linear(width, k))
    for parameter in made.parameters():
        parameter.requires_grad_(False).mul_(gain)
    return made.to(dtype)


def orders(generator, rows, background, pairs, players):
    """Random permutations (rows, background, pairs, players)."""
    return generator.permuted(np.broadcast_to(np.arange(players), (rows, background, pairs, players)), axis=-1)
