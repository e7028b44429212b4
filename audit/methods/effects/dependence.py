"""What an output is on average, and for each row, when one column is set to each of some values for all rows: partial dependence and ICE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Answer = Callable[[NDArray[np.int64]], Floats]
"""Places in a grid, one for each row, (n,) → outputs (n, k) with the column of each row set to the value at its place."""


@dataclass(frozen=True)
class Dependence:
    """Outputs with the column set to each of g values: `mean` (g, k), its standard error over rows `se` (g, k), `rows` (n, g, k) (ICE)."""

    mean: Floats
    se: Floats
    rows: Floats

    @property
    def heterogeneity(self) -> Floats:
        """Standard deviation over rows of their centred curves, root mean square over the grid, (k,); 0 where all rows move alike."""
        centred = self.rows - self.rows.mean(axis=1, keepdims=True)
        return np.asarray(np.sqrt(centred.var(axis=0).mean(axis=0)))


def partial_dependence(answer: Answer, values: int, rows: int) -> Dependence:
    """Partial dependence on a grid of `values` places over `rows` rows, with the curve of each row.

    The mean over all rows, whatever values the other columns have with them; rows are taken as drawn, and the standard error is that of a mean.
    Friedman 2001, doi:10.1214/aos/1013203451; ICE: Goldstein et al. 2015, doi:10.1080/10618600.2014.907095.
    """
    curves = np.stack([answer(np.full(rows, place, dtype=np.int64)) for place in range(values)], axis=1)
    spread = curves.std(axis=0, ddof=1) if rows > 1 else np.full(curves.shape[1:], np.nan)
    return Dependence(curves.mean(axis=0), spread / np.sqrt(rows), curves)
