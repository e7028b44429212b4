"""Two attributes crossed into one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Crossed:
    """Codes (n,) of the cells that hold rows, -1 where either membership is unknown, and each cell's pair of level positions."""

    codes: NDArray[np.int64]
    cells: tuple[tuple[int, int], ...]


def cross(first: NDArray[np.integer], second: NDArray[np.integer]) -> Crossed:
    """Cross two columns of codes; cells without rows are left out, the others are in order of first, then second."""
    known = (first >= 0) & (second >= 0)
    codes = np.full(len(first), -1, dtype=np.int64)
    width = int(second[known].max(initial=0)) + 1
    # One whole number for each pair: rows of arrays sort far more slowly than numbers.
    pairs, inverse = np.unique(first[known].astype(np.int64) * width + second[known], return_inverse=True)
    codes[known] = inverse.reshape(-1)
    return Crossed(codes, tuple((int(pair // width), int(pair % width)) for pair in pairs))
