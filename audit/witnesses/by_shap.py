"""shap's own estimators on the game of a few rows: enumeration where it is cheap, else repeated antithetic permutations with their error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError
from audit.witnesses.interpreted_shap import shap

Floats = NDArray[np.float64]
Network = Callable[[NDArray[Any]], Floats]
"""Rows as the network takes them (m, …) to the explained output (m,) float64."""
Link = Callable[[Floats], Floats]
"""Of means over the background."""
FEWEST, MOST = 4, 16
"""Repetitions of shap's permutation estimator."""
CHUNK = 65_536
"""Rows sent to the network at once."""


@dataclass(frozen=True)
class ShapValues:
    """Shapley values (players,) of one row, their standard errors, and how often they were estimated (0 where enumerated)."""

    values: Floats
    se: Floats
    repetitions: int


def shap_values(
    network: Network,
    row: NDArray[Any],
    background: NDArray[Any],
    owner: NDArray[np.int64],
    *,
    players: int,
    evaluations: int,
    seed: int,
    link: Link = lambda mean: mean,
) -> ShapValues:
    """Shapley values of `row` (…) against `background` (b, …), where entry e of a flattened row belongs to player ``owner[e]`` of `players`.

    At most `evaluations` rows are sent to the network: all coalitions by ``shap.explainers.Exact`` when they are so few, else as many
    runs of ``shap.explainers.Permutation`` as fit, the spread of which gives the standard error. Raises MethodError when not even four fit.
    """
    varying = np.unique(owner[(background != row[None]).reshape(len(background), -1).any(axis=0)])
    values, se = np.zeros(players), np.zeros(players)
    if not len(varying):
        return ShapValues(values, se, 0)
    game = _game(network, row, background, np.searchsorted(varying, owner), np.isin(owner, varying), link=link)
    masker, whole = shap.maskers.Independent(np.zeros((1, len(varying)))), np.ones((1, len(varying)))
    if 2 ** len(varying) * len(background) <= evaluations:
        values[varying] = shap.explainers.Exact(game, masker)(whole, silent=True).values[0] if len(varying) > 1 else np.diff(game(np.eye(2, 1, -1)))
        return ShapValues(values, se, 0)
    once = 2 * len(varying) + 1
    repetitions = min(MOST, evaluations // (once * len(background)))
    if repetitions < FEWEST:
        raise MethodError(f"its permutations of {len(varying)} columns would need {once * len(background) * FEWEST:,} evaluations for each row")
    with _numpy_stream():
        explainer = shap.explainers.Permutation(game, masker, seed=seed)
        runs = np.stack([explainer(whole, max_evals=once, silent=True).values[0] for _ in range(repetitions)])
    values[varying], se[varying] = runs.mean(axis=0), runs.std(axis=0, ddof=1) / np.sqrt(repetitions)
    return ShapValues(values, se, repetitions)


def _game(
    network: Network, row: NDArray[Any], background: NDArray[Any], place: NDArray[np.int64], plays: NDArray[np.bool_], *, link: Link
) -> Callable[[Floats], Floats]:
    """Coalitions (c, varying) to their worth (c,): entries of players who are in come from the row, all others from the background rows."""
    own, others = row.reshape(-1), background.reshape(len(background), -1)

    def worth(coalitions: Floats) -> Floats:
        present = coalitions[:, np.minimum(place, coalitions.shape[1] - 1)].astype(bool) & plays
        size = max(1, CHUNK // len(others))
        return link(np.concatenate([_mean(network, np.where(part[:, None], own, others), row.shape) for part in _parts(present, size)]))

    return worth


def _parts(present: NDArray[np.bool_], size: int) -> Iterator[NDArray[np.bool_]]:
    return (present[start : start + size] for start in range(0, len(present), size))


def _mean(network: Network, mixed: NDArray[Any], shape: tuple[int, ...]) -> Floats:
    """Mean output over the background of mixed rows (c, b, entries)."""
    means: Floats = network(mixed.reshape(-1, *shape)).reshape(mixed.shape[:2]).mean(axis=1)
    return means


@contextmanager
def _numpy_stream() -> Iterator[None]:
    """shap draws from numpy's global stream; whatever else uses it finds it as it was."""
    held = np.random.get_state()  # noqa: NPY002  the only way to put it back
    try:
        yield
    finally:
        np.random.set_state(held)  # noqa: NPY002
