"""Shapley values row by row: enumerated where few players vary, by quadrature over a small background, by permutations over a large one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.answers import Network
from audit.methods.attribution.first_layer import FirstLayer
from audit.methods.attribution.game import Game, Link, RowValues, ShapleyValues, make_game
from audit.methods.attribution.rows_at_once import play
from audit.methods.attribution.shapley_exact import MOST_PLAYERS, enumerated, enumerated_by_worth
from audit.methods.attribution.shapley_permutation import walked_until
from audit.methods.attribution.shapley_quadrature import FEWEST_PAIRS, Plan, estimated, plan_for
from audit.models.threads import once_for_each

Draw = Callable[[int], NDArray[np.integer]]
"""So many more permutations for every background row, (b, count, players)."""
Estimator = Literal["auto", "permutation", "quadrature"]
SMALL_BACKGROUND = 10
"""Background rows up to which quadrature needs fewer rows of the network than permutations for the same error."""
PAIRS_PER_PLAYER, ENOUGH_PAIRS = 10, 400


def shapley_values(
    network: Network,
    inputs: Tensor,
    background: Tensor,
    owner: NDArray[np.int64],
    *,
    players: int,
    draws: Sequence[Draw],
    exact_up_to: int,
    pairs: int,
    most_pairs: int | None = None,
    precision: float = 0.0,
    estimator: Estimator = "auto",
    seed: int = 0,
    weights: NDArray[np.float64] | None = None,
    chunk: int = 4096,
    link: Link | None = None,
    first: FirstLayer | None = None,
) -> ShapleyValues:
    """`shapley_exact` for rows of `inputs` (n, …) with at most `exact_up_to` varying players; for others what `estimator` says.

    ``auto`` is `shapley_quadrature` for a background of up to `SMALL_BACKGROUND` rows and antithetic permutations for a larger one. There
    are `pairs` permutations for every background row. They are doubled until no standard error of any output exceeds `precision` times its
    standard deviation over the background, or times what is explained where that is more, or there would be more than `most_pairs`.
    ``draws`` (n) gives the permutations, each row from its own stream, so that no row's values depend on another's. The plan of the
    quadrature depends on `seed` and m alone. With a `link`, as shap has it, v is the link of the mean over the background, and quadrature
    stands for permutations, which would need a mean.
    """
    game = make_game(network, background, owner, players=players, weights=weights, chunk=chunk, link=link, first=first)
    spread = game.alone.std(dim=0, unbiased=False)
    if link is not None and estimator == "permutation":
        raise MethodError("permutations add up over background rows, and the link of a mean does not: choose estimator 'auto' or 'quadrature'")
    quadrature = estimator == "quadrature" or link is not None or (estimator == "auto" and len(background) <= SMALL_BACKGROUND)
    plan_of: Callable[[int], Plan] = once_for_each(lambda m: plan_for(m, pairs=max(FEWEST_PAIRS, min(PAIRS_PER_PLAYER * m, ENOUGH_PAIRS)), seed=seed))

    def solve(held: Game, row: Tensor, position: int) -> RowValues:
        varying = held.varying(row)
        if len(varying) <= min(exact_up_to, MOST_PLAYERS):
            return enumerated(held, row) if link is None else enumerated_by_worth(held, row)
        if quadrature:
            return estimated(held, row, varying, plan_of(len(varying)))
        return walked_until(held, row, draws[position], pairs=pairs, most=most_pairs or pairs, spread=spread, precision=precision)

    return play(game, inputs, solve, pairs=most_pairs or pairs)


def drawn_by(stream: np.random.Generator, background: int, players: int) -> Draw:
    """Uniform permutations of the players from the row's own `stream`, so many more for every background row at each call."""

    def more(count: int) -> NDArray[np.int32]:
        return stream.permuted(np.broadcast_to(np.arange(players, dtype=np.int32), (background, count, players)), axis=2)

    return more


def reached(values: ShapleyValues, spread: NDArray[np.float64], precision: float) -> NDArray[np.bool_]:
    """Whether no standard error of a row exceeds `precision` times `spread` (k,) or what is explained, by output, (n, k)."""
    size = np.maximum(spread, np.abs(values.total - values.base))
    found: NDArray[np.bool_] = values.se.max(axis=1, initial=0.0) <= precision * size
    return found
