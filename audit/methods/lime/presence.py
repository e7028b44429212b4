"""LIME for players that are there or left out (words, patches): neighbourhoods of coalitions, weighted by their cosine to the whole row."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError
from audit.methods.lime.surrogate import Selection, Surrogate, chooser, fit_presence

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Scheme = Literal["text", "image"]
WIDTH = 0.25
"""Kernel width in cosine distance: lime's 25 on distances times 100 for text, its 0.25 for images."""


def draw_presence(players: int, samples: int, *, scheme: Scheme, generator: np.random.Generator) -> Mask:
    """Coalitions (samples, players) as lime 0.2.0.1 draws them: for text a uniform number of players left out, for images each with half.

    Raises MethodError for fewer than one player or sample.
    """
    if players < 1 or samples < 1:
        raise MethodError(f"LIME needs at least one player and one drawn row; found {players} and {samples}")
    if scheme == "image":
        return np.asarray(generator.random((samples, players)) < 0.5)
    left_out = generator.integers(1, players + 1, size=samples)
    rank = np.argsort(np.argsort(generator.random((samples, players)), axis=1), axis=1)
    return np.asarray(rank >= left_out[:, None])


def cosine_weights(players: int, *, width: float = WIDTH) -> Floats:
    """Weight of a coalition by the number of players left out, 0 to `players`: sqrt(exp(-(1 - sqrt(kept / players))² / width²))."""
    kept = np.arange(players, -1, -1) / players
    return np.asarray(np.sqrt(np.exp(-(((1 - np.sqrt(kept)) / width) ** 2))))


def presence_surrogate(
    present: Mask, outputs: Floats, own_output: float, *, penalty: float = 1.0, selection: Selection = "none", columns: int | None = None
) -> Surrogate:
    """LIME's weighted ridge regression of `outputs` (m,) on `present` (m, players), plus the row itself; one row as a `Surrogate` of n = 1.

    `selection` and `columns` are those of `surrogates`. Ribeiro et al. 2016, arXiv:1602.04938. Raises MethodError for outputs that are not finite.
    """
    if not (np.isfinite(outputs).all() and np.isfinite(own_output)):
        raise MethodError("LIME fits finite outputs; some are not")
    weigh, choose = cosine_weights(present.shape[1]), chooser(selection, columns)
    return fit_presence(np.ascontiguousarray(present.T), outputs, own_output, weigh=weigh, penalty=penalty, choose=choose)
