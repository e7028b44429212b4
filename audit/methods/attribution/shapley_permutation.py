"""Shapley values estimated by antithetic permutations, the same number of them for every background row."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.added_up import IN_CACHE
from audit.methods.attribution.answers import Network, float64
from audit.methods.attribution.first_layer import FirstLayer
from audit.methods.attribution.game import Game, RowValues, ShapleyValues, make_game
from audit.methods.attribution.mixing import bits_of, mixer
from audit.methods.attribution.rows_at_once import play
from audit.models.chunks import each_run

Walk = Callable[[slice, slice], Tensor]
"""The inner steps of `_rising`, s = 1…m - 1, for some background rows and some of their permutations, as (rows, permutations, m - 1, k)."""
SMALL_RANKS = 255
"""Players up to which their ranks are bytes, which are compared quickest."""


def shapley_permutation(
    network: Network,
    inputs: Tensor,
    background: Tensor,
    owner: NDArray[np.int64],
    *,
    orders: NDArray[np.integer],
    weights: NDArray[np.float64] | None = None,
    chunk: int = 4096,
    first: FirstLayer | None = None,
) -> ShapleyValues:
    """Unbiased estimates for `inputs` (n, …) against `background` (b, …), with standard errors.

    ``orders`` (n, b, pairs, players) holds independent uniform permutations of the players. Each is walked against its own background row
    from the front and from the back, 2 (m - 1) rows of the network for m varying players, which makes the pair exact for interactions of
    order two (Covert & Lee 2021, arXiv:2012.01536; Mitchell et al. 2022, arXiv:2104.12199).

    The background rows are strata, all of them visited equally often. So the output of the background row, the usual control variate
    (1 - |S|/m)(f(b) - mean f), cancels exactly, additive parts of the network carry no error, and the values sum to total - base up to
    rounding. With S_b² the variance between the pairs of background row b, the squared standard error is Σ_b u_b² S_b² / pairs, which
    is unbiased; that is why at least two pairs per background row are asked for. Raises MethodError otherwise.
    """
    game = make_game(network, background, owner, players=orders.shape[-1], weights=weights, chunk=chunk, first=first)
    check_orders(orders, len(inputs), len(background))
    return play(game, inputs, lambda held, row, position: walked(held, row, orders[position]), pairs=orders.shape[2])


def check_orders(orders: NDArray[np.integer], rows: int, background: int) -> None:
    """Raise MethodError unless there are at least two permutations for each of `rows` and each of the `background` rows."""
    if orders.ndim != 4 or orders.shape[:2] != (rows, background) or orders.shape[2] < 2:
        raise MethodError(f"orders have shape {orders.shape}; expected ({rows}, {background}, 2 or more, players)")


def walked(game: Game, row: Tensor, orders: NDArray[np.integer]) -> RowValues:
    """Values of one flattened row from permutations (b, pairs, players)."""
    varying, total = game.varying(row), game.answers(row[None])[0]
    if not len(varying):
        nothing = game.spread(total.new_zeros(0, len(total)), varying)
        return RowValues(nothing, nothing, total, 1, exact=True)
    found = contributions(game, row, orders, varying, total)
    return _summed(game, found, varying, total)


def walked_until(
    game: Game, row: Tensor, draw: Callable[[int], NDArray[np.integer]], *, pairs: int, most: int, spread: Tensor, precision: float
) -> RowValues:
    """Values of one flattened row from `pairs` permutations for every background row, doubled until they are precise or would exceed `most`.

    Precise is when no standard error exceeds `precision` times `spread` (k,), or times the total less the base where that is more.
    ``draw(count)`` gives so many more permutations, (b, count, players).
    """
    varying, total = game.varying(row), game.answers(row[None])[0]
    if len(varying) < 2:
        return walked(game, row, draw(pairs))
    largest = precision * torch.maximum(spread, (total - game.base).abs())
    found = contributions(game, row, draw(pairs), varying, total)
    while 2 * found.shape[1] <= most and bool((_error(game, found).amax(dim=0) > largest).any()):
        found = torch.cat([found, contributions(game, row, draw(found.shape[1]), varying, total)], dim=1)
    return _summed(game, found, varying, total)


def _summed(game: Game, found: Tensor, varying: Tensor, total: Tensor) -> RowValues:
    """Values of a row from contributions (b, pairs, m, k)."""
    b, pairs, m, _ = found.shape
    mean, doubt = game.over_background(found.mean(dim=1))
    drawn = None if doubt is None else game.spread(doubt, varying)
    cost = b * pairs * 2 * (m - 1) + 1
    se = game.spread(_error(game, found), varying)
    return RowValues(game.spread(mean, varying), se, total, cost, exact=m == 1, background_se=drawn)


def _error(game: Game, found: Tensor) -> Tensor:
    """Standard errors (m, k) of contributions (b, pairs, m, k)."""
    b, pairs, m, k = found.shape
    squares = (found - found.mean(dim=1, keepdim=True)).square_().sum(dim=1)
    return (game.weights**2 @ squares.view(b, m * k)).div_(pairs * (pairs - 1)).sqrt_().view(m, k)


def contributions(game: Game, row: Tensor, orders: NDArray[np.integer], varying: Tensor, total: Tensor) -> Tensor:
    """What each of the m varying players adds in each permutation (b, pairs, players), forwards and backwards halved: (b, pairs, m, k)."""
    ranks = ranks_of(orders, varying.cpu().numpy())
    rising = _rising(game, row, ranks, game.places(varying), total)
    steps = (rising[:, :, 1:] - rising[:, :, :-1]) / 2
    return steps.gather(2, torch.from_numpy(ranks)[..., None].expand_as(steps))


def ranks_of(orders: NDArray[np.integer], varying: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rank of each varying player among the varying ones, (…, m), in permutations (…, players) of all players."""
    everyone = np.argsort(orders, axis=-1)
    if len(varying) == orders.shape[-1]:
        return everyone
    return np.argsort(np.argsort(everyone[..., varying], axis=-1), axis=-1)


def _rising(game: Game, row: Tensor, ranks: NDArray[np.int64], places: Tensor, total: Tensor) -> Tensor:
    """f(S_s) - f(complement of S_s) where S_s holds the first s players of each permutation, s = 0…m, as (b, pairs, m + 1, k).

    The walk from the back visits the complements of the walk from the front, so half the difference of neighbours is the mean of a
    player's two contributions.
    """
    b, pairs, m = ranks.shape
    ends = (total - game.alone)[:, None, None]
    if m == 1:
        return torch.cat([-ends, ends], dim=2).expand(-1, pairs, -1, -1)
    rank = torch.as_tensor(ranks, device=row.device).type(torch.uint8 if m <= SMALL_RANKS else torch.int32)
    rising = ends.new_empty(b, pairs, m + 1, ends.shape[-1])  # made first: what stays between what goes would scatter the memory
    rising[:, :, :1], rising[:, :, -1:] = -ends, ends
    walk = _behind_first(game, row, rank, places) or _mixed(game, row, rank[..., places], m - 1)
    most = game.at_once if game.first is None else min(game.at_once, 2 * IN_CACHE // game.first.width)
    size = max(1, most // (2 * (m - 1)))

    def of_rows(rows: slice) -> None:
        def of_pairs(some: slice) -> None:
            rising[rows, some, 1:-1] = walk(rows, some)

        deque(each_run(of_pairs, pairs, size, row.device), maxlen=0)

    runs = -(-b // max(1, size // pairs))  # of one size, rather than a small one at the end
    deque(each_run(of_rows, b, -(-b // runs), row.device), maxlen=0)
    return rising


def _mixed(game: Game, row: Tensor, rank: Tensor, count: int) -> Walk:
    """Differences in the network of rows that are mixed, `count` inner steps, where entries have the ranks (b, pairs, entries) of their players."""
    steps = torch.arange(1, count + 1, dtype=rank.dtype, device=row.device)
    mix = mixer(row, game.background, count)

    def differences(rows: slice, some: slice) -> Tensor:
        inside = bits_of(rank[rows, some, None, :] < steps[:, None], row)
        forth, back = (game.answers(mix(inside, rows, turned)) for turned in (False, True))
        return (forth - back).view(*inside.shape[:-1], -1)

    return differences


def _behind_first(game: Game, row: Tensor, rank: Tensor, places: Tensor) -> Walk | None:
    """The same behind a linear first layer, with W x_rest + W b_S = (W x + W b) - (W x_S + W b_rest); None where there is none to be used."""
    first, m = game.first, rank.shape[-1]
    parts = game.parts(row[None], places, m, by_row=True)
    if first is None or parts is None:
        return None
    steps = torch.arange(1, m, dtype=rank.dtype, device=row.device)
    both_ends = (first.before(row[None]).detach() + parts[:, -1])[:, None]
    room, h = game.room, parts.shape[-1]

    def differences(rows: slice, some: slice) -> Tensor:
        ranks = rank[rows, some, None, :]
        shape = (*ranks.shape[:2], m - 1)
        inside = torch.lt(ranks, steps[:, None], out=room.lend("inside", (*shape, m), parts)).view(len(ranks), -1, m)
        held = room.lend("held", (2, len(ranks), inside.shape[1], h), parts)
        torch.baddbmm(parts[rows, -1:], inside, parts[rows, :-1], out=held[0])
        torch.sub(both_ends[rows], held[0], out=held[1])
        answers = float64(first.behind(held.view(-1, h))).view(2, *shape, -1)
        return answers[0] - answers[1]

    return differences
