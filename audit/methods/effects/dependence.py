"""What an output is on average, and for each row, when one column is set to each of some values for all rows: partial dependence and ICE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.methods.statistics.influence import standard_errors

Floats = NDArray[np.float64]
Answer = Callable[[NDArray[np.int64]], Floats]
"""Places in a grid, one for each row, (n,) → outputs (n, k) with the column of each row set to the value at its place."""


@dataclass(frozen=True)
class Dependence:
    """Outputs with the column set to each of g values: `mean` (g, k), its standard error over rows `se` (g, k), `rows` (n, g, k) (ICE)."""

    mean: Floats
    se: Floats
    rows: Floats
    weights: Floats | None = None
    """Of the rows, (n,); all equal when None."""

    @property
    def heterogeneity(self) -> Floats:
        """Standard deviation over rows of their centred curves, root mean square over the grid, (k,); 0 where all rows move alike."""
        centred = self.rows - self.rows.mean(axis=1, keepdims=True)
        spread = np.square(centred - np.average(centred, axis=0, weights=self.weights))
        return np.asarray(np.sqrt(np.average(spread, axis=0, weights=self.weights).mean(axis=0)))


def partial_dependence(
    answer: Answer, values: int, rows: int, *, weights: Floats | None = None, clusters: NDArray[np.int64] | None = None
) -> Dependence:
    """Partial dependence on a grid of `values` places over `rows` rows with `weights` (n,), with the curve of each row.

    The mean over all rows, whatever values the other columns have with them; the standard error is that of a mean of rows that are
    independent, or of independent `clusters` (n,) of them, and NaN where there are fewer than two.
    Friedman 2001, doi:10.1214/aos/1013203451; ICE: Goldstein et al. 2015, doi:10.1080/10618600.2014.907095.
    """
    curves = np.stack([answer(np.full(rows, place, dtype=np.int64)) for place in range(values)], axis=1)
    mean = np.average(curves, axis=0, weights=weights)
    alone = (rows if clusters is None else len(np.unique(clusters))) < 2
    se = np.full(mean.shape, np.nan) if alone else standard_errors(curves - mean, weights, clusters)
    return Dependence(mean, se, curves, weights)
