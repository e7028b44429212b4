"""Shapley values by enumerating all coalitions of the players that vary."""

from __future__ import annotations

from math import comb

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.answers import Network
from audit.methods.attribution.first_layer import FirstLayer
from audit.methods.attribution.game import Game, RowValues, ShapleyValues, make_game
from audit.methods.attribution.rows_at_once import play

MOST_PLAYERS = 16
"""Varying players up to which enumeration is attempted: 65,536 coalitions for every background row."""


def shapley_exact(
    network: Network,
    inputs: Tensor,
    background: Tensor,
    owner: NDArray[np.int64],
    *,
    players: int,
    weights: NDArray[np.float64] | None = None,
    chunk: int = 4096,
    first: FirstLayer | None = None,
) -> ShapleyValues:
    """Exact Shapley values of the marginal game for `inputs` (n, …) against `background` (b, …) with `weights` (b,).

    φ_i = Σ_{S ∌ i} |S|! (m - |S| - 1)! / m! · (v(S ∪ i) - v(S)) over the m players in which the row differs from some background row;
    the other players have exactly 0. A row costs (2^m - 2) b + 1 rows of the network. Values sum to total - base up to rounding.
    Raises MethodError when more than `MOST_PLAYERS` vary. Shapley 1953, doi:10.1515/9781400881970-018.
    """
    game = make_game(network, background, owner, players=players, weights=weights, chunk=chunk, first=first)
    return play(game, inputs, lambda held, row, _: enumerated(held, row))


def enumerated(game: Game, row: Tensor) -> RowValues:
    """Values of one flattened row."""
    varying = game.varying(row)
    m = len(varying)
    if m > MOST_PLAYERS:
        raise MethodError(f"{m} players vary; all coalitions are enumerated for at most {MOST_PLAYERS}")
    total = game.answers(row[None])[0]
    inside = coalitions(m)
    weights, (b, k) = torch.from_numpy(coalition_weights(m)), game.alone.shape
    each = weights[:, :1] * game.alone.flatten() + weights[:, -1:] * total.repeat(b) if m else game.alone.new_zeros(0, b * k)
    inner = weights[:, 1:-1]
    for chosen, answers in game.asked(row, inside[1:-1], game.places(varying)):
        each.addmm_(inner[:, chosen], answers.reshape(len(answers), b * k))
    mean, doubt = game.over_background(each.view(m, b, k).transpose(0, 1))
    values = game.spread(mean, varying)
    drawn = None if doubt is None else game.spread(doubt, varying)
    return RowValues(values, torch.zeros_like(values), total, max(0, 2**m - 2) * b + 1, exact=True, background_se=drawn)


def enumerated_by_worth(game: Game, row: Tensor) -> RowValues:
    """The same from the worth of coalitions, for games in which it is no mean over the background, but the link of one."""
    varying, total = game.varying(row), game.whole(row)
    m = len(varying)
    if m > MOST_PLAYERS:
        raise MethodError(f"{m} players vary; all coalitions are enumerated for at most {MOST_PLAYERS}")
    inner = game.worth(row, coalitions(m)[1:-1], game.places(varying))
    worth = torch.cat([game.base[None], inner, total[None]]) if m else total[None]
    values = game.spread(torch.from_numpy(coalition_weights(m)) @ worth, varying)
    return RowValues(values, torch.zeros_like(values), total, max(0, 2**m - 2) * len(game.background) + 1, exact=True)


def coalitions(m: int) -> NDArray[np.bool_]:
    """Membership of m players in all coalitions, (2^m, m); the empty one first, the full one last."""
    members: NDArray[np.bool_] = (np.arange(2**m)[:, None] >> np.arange(m)) % 2 == 1
    return members


def coalition_weights(m: int) -> NDArray[np.float64]:
    """The matrix (m, 2^m) that takes the worth of all coalitions, in the order of `coalitions`, to Shapley values."""
    inside = coalitions(m)
    size = inside.sum(axis=1)
    joining = np.array([0.0] + [1 / (m * comb(m - 1, s - 1)) for s in range(1, m + 1)])
    leaving = np.array([1 / (m * comb(m - 1, s)) for s in range(m)] + [0.0])
    weights: NDArray[np.float64] = np.where(inside.T, joining[size], -leaving[size])
    return weights
