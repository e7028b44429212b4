"""How much larger the loss becomes when the values of a column are dealt out anew among the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError

Floats = NDArray[np.float64]
Losses = Callable[[NDArray[Any]], Floats]
"""Encoded rows (n, …) → the loss of each, (n,)."""


def permutation_importance(
    losses: Losses, inputs: NDArray[Any], owner: NDArray[np.int64], *, players: int, permutations: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Increase of the loss of each row in each repeat, (players, repeats, n), in the unit of the loss.

    In repeat r the entries of one player of row i are those of row ``permutations[r, i]`` of `inputs` (n, entries); all others stay. The mean
    is the permutation importance of Breiman 2001, doi:10.1023/A:1010933404324, as a difference of losses (Fisher, Rudin & Dominici 2019,
    arXiv:1801.01489). Raises MethodError for fewer than two rows.
    """
    if len(inputs) < 2:
        raise MethodError("one row cannot be exchanged with another")
    base = losses(inputs)
    found = np.zeros((players, len(permutations), len(inputs)))
    for player in range(players):
        own = owner == player
        for repeat, order in enumerate(permutations):
            mixed = inputs.copy()
            mixed[:, own] = inputs[order][:, own]
            found[player, repeat] = losses(mixed) - base
    return found
