"""Infidelity: how far attributions are from telling what happens when some players are replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.answers import Network
from audit.methods.attribution.game import Game, make_game
from audit.methods.attribution.removal import check_attributions, rounding

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Infidelity:
    """Mean squared errors of a attributions of n rows, (n, a) each.

    `squared` in the squared unit of the output. `relative` is it over the mean squared fall: 0 for attributions that tell every fall, 1 for
    attributions that are 0 throughout. `scaled` is the same after multiplying the attributions of a row by the factor that fits best, in
    [0, 1], so that attributions without a scale can be compared. Both are NaN where no fall differs from 0 by more than
    rounding.
    """

    squared: Array
    relative: Array
    scaled: Array
    evaluations: NDArray[np.int64]


def infidelity(
    network: Network,
    inputs: Tensor,
    background: Tensor,
    owner: NDArray[np.int64],
    values: Array,
    *,
    target: NDArray[np.int64],
    players: int,
    streams: Sequence[np.random.Generator],
    subsets: int = 50,
    chunk: int = 4096,
) -> Infidelity:
    """E_S (Σ_{i in S} a_i − (f(x) − mean over b of f(x with S taken from b)))² for attributions `values` (n, a, players) of output `target` (n,).

    The perturbation replaces a random set S of the varying players by the rows b of `background` (b, …): first its size is drawn, each from 1 to
    all of them as likely as the others, then its members, from the row's own of ``streams`` (n). All attributions of a row meet the same
    `subsets` sets. With this perturbation the exact attributions of an additive network have 0. Raises MethodError for attributions that do not
    fit or are not finite. Yeh et al. 2019, arXiv:1901.09392.
    """
    check_attributions(values, len(inputs), players)
    if subsets < 1:
        raise MethodError(f"{subsets} subsets were asked for; expected 1 or more")
    game = make_game(network, background, owner, players=players, chunk=chunk)
    flat = inputs.reshape(len(inputs), game.background.shape[1])
    rows = [_row(game, row, values[at], int(target[at]), stream=streams[at], subsets=subsets) for at, row in enumerate(flat)]
    found = np.array([row for row, _ in rows]).reshape(len(rows), 3, values.shape[1])
    return Infidelity(found[:, 0], found[:, 1], found[:, 2], np.array([spent for _, spent in rows], dtype=np.int64))


def _row(game: Game, row: Tensor, values: Array, target: int, *, stream: np.random.Generator, subsets: int) -> tuple[Array, int]:
    """The three errors of each attribution, (3, a), and the rows the network was given."""
    varying, total = game.varying(row), game.answers(row[None])[0, target]
    m = len(varying)
    if not m:
        return np.stack([np.zeros(len(values)), *np.full((2, len(values)), np.nan)]), 1
    removed = drawn_subsets(stream, subsets, m)
    falls = (total - game.worth(row, ~removed, game.places(varying))[:, target]).numpy()
    falls[np.abs(falls) <= rounding(row) * abs(float(total))] = 0
    return _errors(values[:, varying.cpu().numpy()] @ removed.T, falls), 1 + subsets * len(game.background)


def drawn_subsets(stream: np.random.Generator, subsets: int, m: int) -> NDArray[np.bool_]:
    """Random sets of m players, (subsets, m): every size from 1 to m is as likely as any other."""
    sizes = stream.integers(1, m, size=subsets, endpoint=True)
    ranks: NDArray[np.int64] = stream.permuted(np.broadcast_to(np.arange(m), (subsets, m)), axis=1)
    return ranks < sizes[:, None]


def _errors(told: Array, falls: Array) -> Array:
    """`told` (a, s) falls against what they are, (s,)."""
    squared, size = ((told - falls) ** 2).mean(axis=1), float((falls**2).mean())
    if size == 0:
        return np.stack([squared, *np.full((2, len(told)), np.nan)])
    length = (told**2).mean(axis=1)
    fitted = np.divide((told * falls).mean(axis=1) ** 2, length, out=np.zeros(len(told)), where=length > 0)
    return np.stack([squared, squared / size, np.clip(1 - fitted / size, 0, 1)])
