"""Shapley values from few coalitions: Bayesian quadrature on the odd part of the game, one plan for all rows with as many varying players."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.answers import Network
from audit.methods.attribution.first_layer import FirstLayer
from audit.methods.attribution.game import Game, RowValues, ShapleyValues, make_game
from audit.methods.attribution.quadrature import Fit, fit_of, posterior, thetas
from audit.methods.attribution.rows_at_once import play
from audit.models.threads import once_for_each

Floats = NDArray[np.float64]
FEWEST_PAIRS = 8


def shapley_quadrature(
    network: Network,
    inputs: Tensor,
    background: Tensor,
    owner: NDArray[np.int64],
    *,
    players: int,
    pairs: int,
    seed: int,
    weights: Floats | None = None,
    chunk: int = 4096,
    first: FirstLayer | None = None,
) -> ShapleyValues:
    """Estimates for `inputs` (n, …) from `pairs` coalitions and their complements, each over the whole `background` (b, …).

    Shapley values depend only on the odd part g(S) = (v(S) - v(complement of S)) / 2 of the game (OddSHAP, arXiv:2602.01399), so every
    coalition is asked together with its complement. g is given a Gaussian prior in which the interactions of each odd order k have
    variance θ^k, and the values are its posterior mean; θ and the part left unexplained are those that foretell each pair best from all
    others. The empty and the full coalition are known, so values sum to total - base. `se` is the posterior deviation, scaled by how far
    off those foretold pairs were. Where all coalitions are fewer than asked for, they are enumerated.

    A row costs 2 · pairs · b + 1 rows of the network. Raises MethodError for fewer than `FEWEST_PAIRS`.
    """
    if pairs < FEWEST_PAIRS:
        raise MethodError(f"{pairs} pairs of coalitions; at least {FEWEST_PAIRS} are needed to tell the error")
    game = make_game(network, background, owner, players=players, weights=weights, chunk=chunk, first=first)
    plan_of: Callable[[int], Plan] = once_for_each(lambda m: plan_for(m, pairs=pairs, seed=seed))

    def solve(held: Game, row: Tensor, _: int) -> RowValues:
        varying = held.varying(row)
        return estimated(held, row, varying, plan_of(len(varying)))

    return play(game, inputs, solve)


@dataclass(frozen=True)
class Plan:
    """Coalitions of m players to ask about, one of each complementary pair, and what to make of the answers."""

    inside: NDArray[np.bool_]
    """(pairs, m)."""

    @property
    def complete(self) -> bool:
        """Whether no other coalition is left; without players there is none."""
        m = self.inside.shape[1]
        return not m or len(self.inside) == 2 ** (m - 1) - 1

    @cached_property
    def fits(self) -> tuple[OddFit, ...]:
        """One for each θ."""
        m = self.inside.shape[1]
        signs = np.where(np.concatenate([np.zeros((1, m), dtype=bool), self.inside]), -1, 1).astype(np.int64)
        return tuple(_fit(signs, theta) for theta in thetas(m))


@dataclass(frozen=True)
class OddFit:
    """One prior on odd interactions, with the pair (∅, all) already taken into account."""

    fit: Fit
    known: Floats
    """(P,), what that pair foretells of the others, for each unit of its odd part."""
    known_onto: Floats
    """(m,), and of the Shapley values."""


def plan_for(m: int, *, pairs: int, seed: int) -> Plan:
    """The plan for m varying players, of at least two `pairs` for each of them, ready to be used by several threads."""
    plan = make_plan(m, pairs=max(pairs, 2 * m), generator=np.random.default_rng([seed, m]))
    if not plan.complete:
        _ = plan.fits
    return plan


def make_plan(m: int, *, pairs: int, generator: np.random.Generator) -> Plan:
    """At most `pairs` different coalitions of up to half of m players, more of the small and large sizes, where there are few to choose from."""
    total = max(0, 2 ** (m - 1) - 1)
    if total <= pairs:
        everyone = (np.arange(1, total + 1)[:, None] >> np.arange(m)) % 2 == 1
        return Plan(everyone.astype(bool))
    sizes = np.arange(1, m // 2 + 1)
    most = np.array([comb(m, int(s)) // (2 if 2 * s == m else 1) for s in sizes], dtype=float)
    taken = _quota(1 / np.sqrt(sizes * (m - sizes)), most, pairs)
    return Plan(np.concatenate([_subsets(m, int(size), int(count), generator) for size, count in zip(sizes, taken, strict=True) if count]))


def estimated(game: Game, row: Tensor, varying: Tensor, plan: Plan) -> RowValues:
    """Values of one flattened row by a plan for its varying players."""
    total, m = game.whole(row), len(varying)
    if m < 2:
        values = game.spread((total - game.base)[None] if m else total.new_zeros(0, len(total)), varying)
        return RowValues(values, torch.zeros_like(values), total, 1, exact=True)
    both = np.concatenate([plan.inside, ~plan.inside])
    first, second = game.worth(row, both, game.places(varying)).chunk(2)
    odd = torch.cat([(game.base - total)[None], first - second]).numpy() / 2
    values, se = (torch.from_numpy(found) for found in (_complete(plan, odd) if plan.complete else weighted(plan, odd)))
    evaluations = len(both) * len(game.background) + 1
    return RowValues(game.spread(values, varying), game.spread(se, varying), total, evaluations, exact=plan.complete)


def _complete(plan: Plan, odd: Floats) -> tuple[Floats, Floats]:
    """φ_i = Σ over pairs of twice g(S), weighed as a player's joining S where it is inside and as its joining the complement elsewhere."""
    m = plan.inside.shape[1]
    size = np.concatenate([[0], plan.inside.sum(axis=1)])
    inside = np.concatenate([np.zeros((1, m), dtype=bool), plan.inside])
    joining, leaving = (np.array([1 / (m * comb(m - 1, int(s) + shift)) if 0 <= s + shift < m else 0.0 for s in size]) for shift in (-1, 0))
    found: Floats = 2 * np.where(inside, joining[:, None], -leaving[:, None]).T @ odd
    return found, np.zeros_like(found)


def weighted(plan: Plan, odd: Floats) -> tuple[Floats, Floats]:
    """Values (m, k) and standard errors from odd parts (P + 1, k), the first that of (∅, all)."""
    observed = [odd[1:] - one.known[:, None] * odd[0] for one in plan.fits]
    start = [one.known_onto[:, None] * odd[0] for one in plan.fits]
    return posterior([one.fit for one in plan.fits], observed, start, fitted=plan.inside.shape[1])


def _fit(signs: NDArray[np.int64], theta: float) -> OddFit:
    """For pairs given as `signs` (P + 1, m), -1 for a player inside; the first is (∅, all)."""
    m = signs.shape[1]
    scale = ((1 + theta) ** m - (1 - theta) ** m) / 2
    covariance = _odd(theta, m)[(m - signs @ signs.T) // 2] / scale
    onto = _onto(signs, theta) / scale
    prior = 4 * sum(comb(m - 1, k - 1) * theta**k / k**2 for k in range(1, m + 1, 2)) / scale
    known, known_onto = covariance[1:, 0] / covariance[0, 0], onto[:, 0] / covariance[0, 0]
    rest = onto[:, 1:] - np.outer(known_onto, covariance[0, 1:])
    return OddFit(fit_of(covariance[1:, 1:] - np.outer(known, covariance[0, 1:]), rest, prior - known_onto * onto[:, 0]), known, known_onto)


def _odd(theta: float, m: int) -> Floats:
    """Σ θ^|T| χ_T(S) χ_T(S') over odd T, by the number 0…m of players in which S and S' differ."""
    apart = np.arange(m + 1)
    found: Floats = ((1 + theta) ** (m - apart) * (1 - theta) ** apart - (1 - theta) ** (m - apart) * (1 + theta) ** apart) / 2
    return found


def _onto(signs: NDArray[np.int64], theta: float) -> Floats:
    """Covariance (m, P + 1) of Shapley values with the odd part: φ_i = -2 Σ over odd T with i of c_T / |T|.

    Σ_T θ^|T| χ_T / |T| over odd T with i is s_i times the integral over t from 0 to θ of the even part of Π_{j ≠ i} (1 + t s_j), a
    polynomial whose integral Gauss-Legendre nodes give exactly.
    """
    m = signs.shape[1]
    nodes, weight = np.polynomial.legendre.leggauss(m // 2 + 1)
    t, weight = (nodes + 1) / 2 * theta, weight / 2 * theta
    outside = np.arange(m)[:, None]
    table = (((1 + t) ** outside * (1 - t) ** (m - 1 - outside) + (1 - t) ** outside * (1 + t) ** (m - 1 - outside)) / 2 * weight).sum(axis=1)
    others = (signs == 1).sum(axis=1)[:, None] - (signs == 1)
    found: Floats = (-2 * signs * table[others]).T
    return found


def _quota(shares: Floats, most: Floats, pairs: int) -> NDArray[np.int64]:
    """How many coalitions of each size: `pairs` in proportion to `shares`, nowhere more than there are."""
    taken, left = np.zeros(len(shares)), np.ones(len(shares), dtype=bool)
    while left.any():
        wanted = np.where(left, shares / shares[left].sum() * (pairs - taken[~left].sum()), taken)
        full = left & (wanted >= most)
        taken = np.where(left, wanted, taken)
        if not full.any():
            break
        taken[full], left = most[full], left & ~full
    whole = np.floor(taken + 1e-9).astype(np.int64)
    order = np.argsort(-(taken - whole), kind="stable")
    for place in order[: max(0, pairs - int(whole.sum()))]:
        whole[place] += int(whole[place] < most[place])
    return whole


def _subsets(m: int, size: int, count: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """`count` different subsets of `size` of m players, no two of them complements; (count, m)."""
    found: dict[bytes, NDArray[np.bool_]] = {}
    while len(found) < count:
        drawn = np.argsort(generator.random((2 * (count - len(found)) + 16, m)), axis=1) < size
        if 2 * size == m:
            drawn ^= ~drawn[:, :1]  # of two complements the one with the first player
        for subset in drawn:
            if len(found) < count:
                found.setdefault(subset.tobytes(), subset)
    return np.stack(list(found.values()))
