"""Rows of one game solved at the same time: by how many threads, on which cores, and their values laid together."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.added_up import AT_ONCE, IN_CACHE
from audit.methods.attribution.game import MOST_PARTS, Game, RowValues, ShapleyValues
from audit.models.threads import in_threads

NARROW = 128
"""Width of networks up to which operators on as many rows as stay in a cache are quicker on one core than on several."""
MOST_BYTES = 40 * 2**20
"""Memory that rows which are solved at the same time may take together; fewer are, where each needs much."""


def play(game: Game, inputs: Tensor, solve: Callable[[Game, Tensor, int], RowValues], *, pairs: int = 1) -> ShapleyValues:
    """`solve` each row of `inputs` (n, …) by itself, so that no value depends on which rows stand beside it; a walk holds so many `pairs`."""
    each = lambda held, rows, start: (solve(held, row, start + place) for place, row in enumerate(rows))  # noqa: E731
    return play_runs(game, inputs, each, together=1, pairs=pairs)


def play_runs(
    game: Game, inputs: Tensor, solve: Callable[[Game, Tensor, int], Iterable[RowValues]], *, together: int, pairs: int = 1
) -> ShapleyValues:
    """`solve` runs of up to `together` rows of `inputs` (n, …), given flattened and with the place of the first.

    Several threads solve runs at the same time where `sharing` says so.
    """
    if tuple(inputs.shape[1:]) != game.shape:
        raise MethodError(f"inputs have rows of shape {tuple(inputs.shape[1:])}, the background {game.shape}")
    if inputs.dtype != game.background.dtype:
        raise MethodError(f"inputs are {inputs.dtype}, the background is {game.background.dtype}")
    n, k = len(inputs), game.alone.shape[1]
    values, se, drawn = (np.full((n, game.players, k), np.nan) for _ in range(3))  # made first, so that what comes and goes stays together
    total, evaluations, exact = np.empty((n, k)), np.empty(n, dtype=np.int64), np.empty(n, dtype=bool)
    rows, base, (threads, cores) = inputs.reshape(n, game.background.shape[1]), game.base.numpy(), sharing(game, n, together=together, pairs=pairs)

    def fill(run: slice) -> None:
        for position, found in enumerate(solve(game, rows[run], run.start), run.start):
            values[position], se[position], total[position] = found.values.numpy(), found.se.numpy(), found.total.numpy()
            evaluations[position], exact[position] = found.evaluations, found.exact
            if found.background_se is not None:
                drawn[position] = found.background_se.numpy()

    size = max(1, min(together, -(-n // threads)))
    in_threads(fill, [slice(start, start + size) for start in range(0, n, size)], threads=threads, cores=cores)
    return ShapleyValues(values, se, base, total, evaluations, exact, drawn)


def sharing(game: Game, rows: int, *, together: int = 1, pairs: int = 1) -> tuple[int, int]:
    """Threads that may solve so many rows at the same time, `together` at once each, and cores for each thread.

    One thread where the network is not known to remember nothing, and where rows must be mixed, which takes what nobody foresees; else as
    many as there are cores, rows and memory for. `pairs` are those of a walk, whose contributions are all held.
    """
    cores, (b, k), entries = torch.get_num_threads(), game.alone.shape, game.owner.shape[0]
    if game.first is None or not game.first.apart or game.background.device.type != "cpu" or not game.adds_up(1):
        return 1, cores
    parts = 2 * together * b * game.first.weight.shape[0] * max(game.players + 1, entries)  # with what they are made of
    layers = 4 * IN_CACHE  # what one is given and answers, and both once more as libraries lay them out
    outputs = 3 * AT_ONCE + 4 * pairs * game.players * b * k  # in groups and weighed; contributions, and what they are summed to
    each = game.background.element_size() * (min(parts, 2 * MOST_PARTS) + layers) + 8 * outputs
    threads = max(1, min(rows, cores, MOST_BYTES // each))
    return threads, 1 if game.first.width <= NARROW else max(1, cores // threads)
