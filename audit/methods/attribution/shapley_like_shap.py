"""Shapley values as shap estimates them, coalition by coalition, for readers who must reproduce its numbers; ours need fewer rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from math import ceil, comb

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.added_up import AT_ONCE
from audit.methods.attribution.answers import Network
from audit.methods.attribution.first_layer import FirstLayer
from audit.methods.attribution.game import Game, Link, RowValues, ShapleyValues, make_game
from audit.methods.attribution.rows_at_once import play, play_runs
from audit.methods.attribution.shapley_permutation import contributions
from audit.models.threads import once_for_each

Floats = NDArray[np.float64]
ENUMERATED_UP_TO = 30
"""Players up to which shap asks for no more coalitions than there are."""
TOGETHER = 32
"""Pairs of an explained and a background row that go through the network together."""
LOOKED_UP = 256
"""Coalitions drawn before it is looked which of them are new."""


def shapley_kernel(
    network: Network,
    inputs: Tensor,
    background: Tensor,
    owner: NDArray[np.int64],
    *,
    players: int,
    seed: int,
    samples: int | None = None,
    weights: Floats | None = None,
    chunk: int = 4096,
    link: Link | None = None,
    first: FirstLayer | None = None,
) -> ShapleyValues:
    """Kernel SHAP (Lundberg & Lee 2017, arXiv:1705.07874) on the coalitions that `shap.KernelExplainer` draws after ``numpy.random.seed(seed)``.

    `samples` coalitions, 2 m + 2048 when None, m the players in which a row of `inputs` (n, …) differs from the `background` (b, …). All
    players stay in the regression, as with ``l1_reg=0``, and a `link` is taken of every mean, as shap takes it; shap's own default keeps ten and
    gives the others exactly 0. The estimate has no standard error, so `se` is NaN unless all coalitions were enumerated.
    """
    game = make_game(network, background, owner, players=players, weights=weights, chunk=chunk, link=link, first=first)

    @once_for_each
    def solution(m: int) -> tuple[Asked, Tensor, Tensor]:
        asked = kernel_coalitions(m, samples=samples, stream=np.random.RandomState(seed))
        p, q = kernel_solution(asked)
        return asked, torch.from_numpy(p), torch.from_numpy(q)

    return play_runs(game, inputs, lambda held, rows, _: _by_kernel(held, rows, solution), together=max(1, TOGETHER // len(background)))


def shapley_permutation_like_shap(
    network: Network,
    inputs: Tensor,
    background: Tensor,
    owner: NDArray[np.int64],
    *,
    players: int,
    seed: int,
    evaluations: int = 500,
    chunk: int = 4096,
    first: FirstLayer | None = None,
) -> ShapleyValues:
    """Antithetic permutations as a fresh `shap.PermutationExplainer` with this `seed` draws them, each over the whole `background` (b, …).

    ``evaluations // (2 m + 1)`` permutations of the m varying players. Raises MethodError where that is none. `se` is over permutations,
    and NaN with a single one.
    """
    game = make_game(network, background, owner, players=players, chunk=chunk, first=first)

    def solve(held: Game, row: Tensor, _: int) -> RowValues:
        varying, total = held.varying(row), held.answers(row[None])[0]
        m, stream = len(varying), np.random.RandomState(seed)
        count = evaluations // (2 * m + 1)
        if not count:
            raise MethodError(f"{evaluations} evaluations are too few for one permutation of {m} players, which takes {2 * m + 1}")
        if not m:
            nothing = held.spread(total.new_zeros(0, len(total)), varying)
            return RowValues(nothing, nothing, total, 1, exact=True)
        orders = np.broadcast_to(_shuffled(varying.cpu().numpy(), players, count, stream), (len(background), count, players))
        found = torch.einsum("b,bpmk->pmk", held.weights, contributions(held, row, orders, varying, total))
        se = (found.var(dim=0) / count).sqrt() if count > 1 else torch.full_like(found[0], torch.nan)
        cost = len(background) * count * 2 * (m - 1) + 1
        return RowValues(held.spread(found.mean(dim=0), varying), held.spread(se, varying), total, cost, exact=m == 1)

    return play(game, inputs, solve, pairs=max(1, evaluations // (2 * players + 1)))


@dataclass(frozen=True)
class Asked:
    """Coalitions `inside` (c, m) with their `weights` (c,); `complete` when no other is left."""

    inside: NDArray[np.bool_]
    weights: Floats
    complete: bool


def kernel_coalitions(m: int, *, samples: int | None, stream: np.random.RandomState) -> Asked:
    """Those of `shap.KernelExplainer`: sizes from the outside inwards enumerated as far as the budget reaches, the rest drawn.

    A coalition that is drawn again weighs more instead of counting twice.
    """
    asked = 2 * m + 2048 if samples is None else samples
    asked = min(asked, 2**m - 2) if m <= ENUMERATED_UP_TO else asked
    sizes, paired = ceil((m - 1) / 2), (m - 1) // 2
    share = np.array([(m - 1) / (s * (m - s)) for s in range(1, sizes + 1)])
    share[:paired] *= 2
    share /= share.sum()
    found, weights, left, rest, whole = list[NDArray[np.bool_]](), list[float](), asked, share.copy(), 0
    for s in range(1, sizes + 1):
        count = comb(m, s) * (2 if s <= paired else 1)
        if left * rest[s - 1] / count < 1 - 1e-8:
            break
        whole, left = s, left - count
        if rest[s - 1] < 1:
            rest /= 1 - rest[s - 1]
        for subset in _all_of(m, s, complements=s <= paired):
            found.append(subset)
            weights.append(share[s - 1] / count)
    if whole < sizes:
        drawn, times = _drawn(m, left, share, paired, whole, stream)
        found += drawn
        weights += (times * share[whole:].sum() / times.sum()).tolist()
    return Asked(np.stack(found), np.array(weights), complete=whole == sizes)


def kernel_solution(asked: Asked) -> tuple[Floats, Floats]:
    """P (m, c) and q (m,) with φ = P (v - v(∅)) + q (v(all) - v(∅)): weighted least squares in which the values sum to the difference."""
    z = asked.inside.astype(np.float64)
    apart, last = z[:, :-1] - z[:, -1:], z[:, -1]
    weighted = apart.T * asked.weights
    try:
        p = np.linalg.solve(weighted @ apart, weighted)
    except np.linalg.LinAlgError:
        p = np.linalg.lstsq(weighted @ apart, weighted, rcond=None)[0]
    q = -p @ last
    return np.vstack([p, -p.sum(axis=0)]), np.append(q, 1 - q.sum())


def _by_kernel(game: Game, rows: Tensor, solution: Callable[[int], tuple[Asked, Tensor, Tensor]]) -> Iterator[RowValues]:
    """Values of flattened `rows` (n, entries). Those that stand together and in which the same players vary are asked about together."""
    b, k = game.alone.shape
    start = 0
    while start < len(rows):
        varying, stop = game.varying(rows[start]), start + 1
        if len(varying) < 2:
            yield _settled(game, rows[start], varying)
        else:
            asked, p, q = solution(len(varying))
            most = max(1, min(TOGETHER, AT_ONCE // (len(asked.inside) * k)) // b)
            while stop < min(len(rows), start + most) and torch.equal(game.varying(rows[stop]), varying):
                stop += 1
            for row, worth in zip(rows[start:stop], game.worths(rows[start:stop], asked.inside, game.places(varying)), strict=True):
                total = game.whole(row)
                values = p @ (worth - game.base) + q[:, None] * (total - game.base)
                se = torch.zeros_like(values) if asked.complete else torch.full_like(values, torch.nan)
                yield RowValues(game.spread(values, varying), game.spread(se, varying), total, len(worth) * b + 1, exact=asked.complete)
        start = stop


def _settled(game: Game, row: Tensor, varying: Tensor) -> RowValues:
    """Values of a row in which one player varies or none."""
    total = game.whole(row)
    values = game.spread((total - game.base)[None] if len(varying) else total.new_zeros(0, len(total)), varying)
    return RowValues(values, torch.zeros_like(values), total, 1, exact=True)


def _all_of(m: int, size: int, *, complements: bool) -> Iterator[NDArray[np.bool_]]:
    """All coalitions of a size in lexicographic order, each followed by its complement where asked for."""
    for members in combinations(range(m), size):
        subset = np.zeros(m, dtype=bool)
        subset[list(members)] = True
        yield subset
        if complements:
            yield ~subset


def _drawn(  # noqa: PLR0917  the state of one draw
    m: int,
    left: int,
    share: Floats,
    paired: int,
    whole: int,
    stream: np.random.RandomState,
) -> tuple[list[NDArray[np.bool_]], Floats]:
    """At most `left` coalitions of the sizes not enumerated, with how often each was drawn.

    As in shap a complement that stands beside its coalition is not looked up, so it may be drawn once more as a coalition of its own.
    """
    chances = share.copy()
    chances[:paired] /= 2
    chances = chances[whole:] / chances[whole:].sum()
    sizes = stream.choice(len(chances), 4 * left, p=chances) + whole + 1
    found, times, places = list[NDArray[np.bool_]](), list[float](), dict[bytes, int]()
    for start in range(0, len(sizes), LOOKED_UP):
        part = sizes[start : start + LOOKED_UP]
        order = np.array([stream.permutation(m) for _ in part])
        subsets = np.zeros(order.shape, dtype=bool)
        np.put_along_axis(subsets, order, np.arange(m) < part[:, None], axis=1)
        for size, subset in zip(part.tolist(), subsets, strict=True):
            if len(found) >= left:
                return found, np.array(times)
            key = subset.tobytes()
            place = places.get(key)
            if place is None:
                places[key] = len(found)
                found.append(subset)
                times.append(1.0)
                if len(found) < left and size <= paired:
                    found.append(~subset)
                    times.append(1.0)
            else:
                times[place] += 1
                if len(found) < left and size <= paired:
                    times[place + 1] += 1
    return found, np.array(times)


def _shuffled(varying: NDArray[np.int64], players: int, count: int, stream: np.random.RandomState) -> NDArray[np.int64]:
    """`count` orders (count, players) of the varying players, each shuffled from the one before; the others stand at the end."""
    order, rest = varying.copy(), np.setdiff1d(np.arange(players), varying)
    drawn = []
    for _ in range(count):
        stream.shuffle(order)
        drawn.append(np.concatenate([order, rest]))
    return np.stack(drawn)
