"""How much of an output two players bring about together: Shapley interaction values, enumerated or by quadrature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.methods.attribution.answers import Network
from audit.methods.attribution.first_layer import FirstLayer
from audit.methods.attribution.game import Game, make_game
from audit.methods.attribution.quadrature import Fit, fit_of, posterior, thetas
from audit.methods.attribution.rows_at_once import sharing
from audit.methods.attribution.shapley_exact import MOST_PLAYERS, coalition_weights, coalitions
from audit.methods.attribution.shapley_quadrature import Plan, plan_for, weighted
from audit.models.threads import in_threads, once_for_each

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interactions:
    """Interaction values of n rows and k outputs, float64, in the unit of the outputs.

    ``values[r, i, j]`` (n, players, players, k) is half the Shapley interaction index of players i and j, each of the two getting one half,
    and ``values[r, i, i]`` what is left of the Shapley value of i: rows sum to Shapley values, everything to total - base (Lundberg et al.
    2020, doi:10.1038/s42256-019-0138-9). `se` are standard errors, 0 where enumerated. `evaluations` (n,) are rows of the network, `exact` (n,)
    which rows were enumerated.
    """

    values: Floats
    se: Floats
    evaluations: NDArray[np.int64]
    exact: NDArray[np.bool_]


def shapley_interactions(
    network: Network,
    inputs: Tensor,
    background: Tensor,
    owner: NDArray[np.int64],
    *,
    players: int,
    exact_up_to: int = 12,
    pairs: int = 400,
    seed: int = 0,
    weights: Floats | None = None,
    chunk: int = 4096,
    first: FirstLayer | None = None,
) -> Interactions:
    """Interaction values of `inputs` (n, …) against `background` (b, …), enumerated for rows with at most `exact_up_to` varying players.

    The index of i and j is the mean of v(S + i + j) - v(S + i) - v(S + j) + v(S) over the coalitions S without them, all sizes alike
    (Grabisch & Roubens 1999, doi:10.1007/s001820050125). It depends on the even part (v(S) + v(complement of S)) / 2 of the game alone, as
    Shapley values on the odd part, so `pairs` coalitions and their complements, at least two for each player, give both by quadrature.
    """
    game = make_game(network, background, owner, players=players, weights=weights, chunk=chunk, first=first)
    plan_of: Callable[[int], Pairs] = once_for_each(lambda m: _pairs_for(m, pairs=pairs, seed=seed))

    def explained(row: Tensor) -> tuple[Floats, Floats, int, bool]:
        varying = game.varying(row)
        return _explained(game, row, varying, plan_of(len(varying)) if len(varying) > min(exact_up_to, MOST_PLAYERS) else None)

    flat = inputs.reshape(len(inputs), game.background.shape[1])
    threads, cores = sharing(game, len(flat))
    rows = in_threads(explained, list(flat), threads=threads, cores=cores)
    if not rows:
        nothing = np.zeros((0, players, players, game.alone.shape[1]))
        return Interactions(nothing, nothing, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool))
    values, se, evaluations, exact = (np.stack(found) for found in zip(*rows, strict=True))
    return Interactions(values, se, evaluations, exact)


def _pairs_for(m: int, *, pairs: int, seed: int) -> Pairs:
    """A plan for m varying players, ready to be used by several threads."""
    held = Pairs(plan_for(m, pairs=pairs, seed=seed))
    if not held.plan.complete:
        _ = held.fits
    return held


def interaction_weights(m: int) -> Floats:
    """The matrix (m (m - 1) / 2, 2^m) that takes the worth of all coalitions, in the order of `coalitions`, to the index of each pair."""
    inside = coalitions(m)
    first, second = np.triu_indices(m, 1)
    both = inside[:, first].astype(np.int64) + inside[:, second]
    left = inside.sum(axis=1)[:, None] - both
    share = np.array([1 / ((m - 1) * comb(m - 2, s)) for s in range(m - 1)])
    found: Floats = (np.where(both == 1, -1.0, 1.0) * share[left]).T
    return found


def _explained(game: Game, row: Tensor, varying: Tensor, held: Pairs | None) -> tuple[Floats, Floats, int, bool]:
    """Values and standard errors (players, players, k), evaluations, whether exact."""
    m, total = len(varying), game.answers(row[None])[0]
    if held is not None and not held.plan.complete:
        both = np.concatenate([held.plan.inside, ~held.plan.inside])
        first, second = game.worth(row, both, game.places(varying)).chunk(2)
        odd = (torch.cat([(game.base - total)[None], first - second]) / 2).numpy()
        even = (torch.cat([(game.base + total)[None], first + second]) / 2).numpy()
        alone, alone_se = weighted(held.plan, odd)
        index, index_se = held.indices(even)
        cost, exact = len(both) * len(game.background) + 1, False
    else:
        worth = torch.cat([game.base[None], game.worth(row, coalitions(m)[1:-1], game.places(varying)), total[None]]).numpy() if m else None
        k = len(total)
        alone = coalition_weights(m) @ worth if worth is not None else np.zeros((0, k))
        index = interaction_weights(m) @ worth if worth is not None and m > 1 else np.zeros((0, k))
        alone_se, index_se = np.zeros_like(alone), np.zeros_like(index)
        cost, exact = max(0, 2**m - 2) * len(game.background) + 1, True
    return *_matrices(varying.cpu().numpy(), game.players, alone, alone_se, index, index_se), cost, exact


def _matrices(  # noqa: PLR0917  two estimates with their errors
    varying: NDArray[np.int64], players: int, alone: Floats, alone_se: Floats, index: Floats, index_se: Floats
) -> tuple[Floats, Floats]:
    m, k = alone.shape
    values, se = np.zeros((2, players, players, k))
    first, second = varying[np.triu_indices(m, 1)[0]], varying[np.triu_indices(m, 1)[1]]
    values[first, second] = values[second, first] = index / 2
    se[first, second] = se[second, first] = index_se / 2
    main = alone - values.sum(axis=1)[varying]
    main_se = np.sqrt(alone_se**2 + (se**2).sum(axis=1)[varying])
    values[varying, varying], se[varying, varying] = main, main_se
    return values, se


@dataclass(frozen=True)
class Pairs:
    """A plan for m players, for Shapley values and for interactions."""

    plan: Plan

    @cached_property
    def fits(self) -> tuple[Fit, ...]:
        """One for each θ, for even parts less that of (∅, all)."""
        m = self.plan.inside.shape[1]
        return tuple(_fit(np.where(self.plan.inside, -1, 1).astype(np.int64), theta) for theta in thetas(m))

    def indices(self, even: Floats) -> tuple[Floats, Floats]:
        """Interaction indices (m (m - 1) / 2, k) and standard errors from even parts (P + 1, k), the first that of (∅, all).

        Only differences to that first one are looked at, which takes the constant out.
        """
        observed, start = even[1:] - even[0], np.zeros((len(self.fits[0].prior), even.shape[1]))
        return posterior(self.fits, [observed] * len(self.fits), [start] * len(self.fits), fitted=self.plan.inside.shape[1])


def _fit(signs: NDArray[np.int64], theta: float) -> Fit:
    """For coalitions as `signs` (P, m), -1 for a player inside, and the pair (∅, all) beside them."""
    m = signs.shape[1]
    every = np.vstack([np.ones((1, m), dtype=np.int64), signs])
    scale = ((1 + theta) ** m + (1 - theta) ** m) / 2 - 1
    apart = np.arange(m + 1)
    table = ((1 + theta) ** (m - apart) * (1 - theta) ** apart + (1 - theta) ** (m - apart) * (1 + theta) ** apart) / 2 - 1
    covariance = table[(m - every @ every.T) // 2] / scale
    differences = covariance[1:, 1:] - covariance[1:, :1] - covariance[:1, 1:] + covariance[0, 0]
    onto = _onto(every, theta) / scale
    prior = 16 * sum(comb(m - 2, order - 2) * theta**order / (order - 1) ** 2 for order in range(2, m + 1, 2)) / scale
    return fit_of(differences, onto[:, 1:] - onto[:, :1], np.full(len(onto), prior))


def _onto(signs: NDArray[np.int64], theta: float) -> Floats:
    """Covariance (m (m - 1) / 2, P) of the indices with the even part: the index of i, j is 4 Σ c_T / (|T| - 1) over even T with both.

    Σ θ^|T| χ_T / (|T| - 1) is s_i s_j θ² times the mean over u in [0, 1] of the even part of Π over the others of (1 + θ u s).
    """
    m = signs.shape[1]
    nodes, weight = np.polynomial.legendre.leggauss(m // 2 + 1)
    t, weight = (nodes + 1) / 2 * theta, weight / 2
    outside = np.arange(m - 1)[:, None]
    table = (((1 + t) ** outside * (1 - t) ** (m - 2 - outside) + (1 - t) ** outside * (1 + t) ** (m - 2 - outside)) / 2 * weight).sum(axis=1)
    first, second = np.triu_indices(m, 1)
    others = (signs == 1).sum(axis=1)[:, None] - (signs[:, first] == 1) - (signs[:, second] == 1)
    found: Floats = (4 * theta**2 * signs[:, first] * signs[:, second] * table[others]).T
    return found
