"""From shortfalls of factors to the few that are named as reasons, and whether another draw would name the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NOTHING = 1e-9
"""A shortfall smaller than this part of the row's largest value is rounding, no reason."""


@dataclass(frozen=True)
class PrincipalFactors:
    """The factors named for n rows.

    `named` (n, most) int32 holds positions of factors, the largest shortfall first, -1 where there are no more; `certain` (n,) whether the
    last one named is told from the first one left out; `withheld` (n,) int32 the number of factors that would have been among them and may
    not be named.
    """

    named: NDArray[np.int32]
    certain: NDArray[np.bool_]
    withheld: NDArray[np.int32]


def principal_factors(shortfall: Floats, se: Floats, barred: NDArray[np.bool_], *, most: int = 4, deviations: float = 1.96) -> PrincipalFactors:
    """The at most `most` largest positive entries of each row of `shortfall` (n, factors), but for those `barred` (factors,).

    Equal shortfalls keep the order of the factors. The cut is certain where the last factor named exceeds the first one left out by more
    than `deviations` standard errors of their difference, with errors `se` (n, factors) taken as independent; where all adverse factors are
    named, the last must exceed 0 by as much. A row without an adverse factor is never certain.
    """
    size = np.abs(shortfall).max(axis=1, initial=0.0, keepdims=True)
    adverse = shortfall > NOTHING * size
    withheld = (_first(shortfall, adverse, most) & barred).sum(axis=1)
    allowed = adverse & ~barred
    ranked = np.argsort(-np.where(barred, -np.inf, shortfall), axis=1, kind="stable")
    kept = np.take_along_axis(allowed, ranked, axis=1)
    wide = max(0, most - ranked.shape[1])
    named = np.pad(np.where(kept, ranked, -1)[:, :most], ((0, 0), (0, wide)), constant_values=-1)
    certain = _certain(shortfall, se, ranked, kept, most=most, deviations=deviations)
    return PrincipalFactors(named.astype(np.int32), certain, withheld.astype(np.int32))


def overlap(first: NDArray[np.int32], second: NDArray[np.int32]) -> NDArray[np.int64]:
    """How many factors two lists (n, most) name alike, in any order, (n,)."""
    both = (first[:, :, None] == second[:, None, :]) & (first[:, :, None] >= 0)
    return np.asarray(both.sum(axis=(1, 2)), dtype=np.int64)


def _first(shortfall: Floats, adverse: NDArray[np.bool_], most: int) -> NDArray[np.bool_]:
    """Which factors (n, factors) are among the `most` largest adverse ones, nothing withheld."""
    place = np.argsort(np.argsort(-shortfall, axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray(adverse & (place < most))


def _certain(shortfall: Floats, se: Floats, ranked: NDArray[np.int64], kept: NDArray[np.bool_], *, most: int, deviations: float) -> NDArray[np.bool_]:
    count = np.minimum(kept.sum(axis=1), most)
    row, last = np.arange(len(ranked)), np.maximum(count - 1, 0)
    value, error = shortfall[row, ranked[row, last]], se[row, ranked[row, last]]
    after = ranked[row, np.minimum(last + 1, ranked.shape[1] - 1)]
    full = (count == most) & (ranked.shape[1] > most) & kept[:, min(most, ranked.shape[1] - 1)]
    next_value, next_error = np.where(full, shortfall[row, after], 0.0), np.where(full, se[row, after], 0.0)
    return np.asarray((count > 0) & (value - next_value > deviations * np.hypot(error, next_error)))
