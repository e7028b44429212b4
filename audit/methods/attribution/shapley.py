"""Shapley values row by row: enumerated where few players vary, estimated by permutations where many do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from audit.methods.attribution.game import Game, Network, RowValues, ShapleyValues, make_game, play
from audit.methods.attribution.shapley_exact import MOST_PLAYERS, enumerated
from audit.methods.attribution.shapley_permutation import check_orders, walked


def shapley_values(
    network: Network,
    inputs: Tensor,
    background: Tensor,
    owner: NDArray[np.int64],
    *,
    orders: NDArray[np.integer],
    exact_up_to: int,
    weights: NDArray[np.float64] | None = None,
    chunk: int = 4096,
) -> ShapleyValues:
    """`shapley_exact` for rows of `inputs` (n, …) with at most `exact_up_to` varying players, `shapley_permutation` for the others.

    ``orders`` (n, b, pairs, players) holds the permutations of each row, used or not, so that no row's draws depend on another's.
    """
    game = make_game(network, background, owner, players=orders.shape[-1], weights=weights, chunk=chunk)
    check_orders(orders, len(inputs), len(background))

    def solve(held: Game, row: Tensor, position: int) -> RowValues:
        few = len(held.varying(row)) <= min(exact_up_to, MOST_PLAYERS)
        return enumerated(held, row) if few else walked(held, row, orders[position])

    return play(game, inputs, solve)
