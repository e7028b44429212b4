"""How far LIME's coefficients depend on the neighbourhood that happened to be drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError
from audit.methods.statistics.ranks import tied_ranks

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stability:
    """Coefficients over independent neighbourhoods."""

    mean: Floats
    """Mean coefficient, (n, columns)."""
    se: Floats
    """Standard error of the mean: spread over the neighbourhoods over the root of their number, (n, columns); NaN for a single one."""
    rank_correlation: Floats
    """Mean over pairs of neighbourhoods of Spearman's rank correlation of the coefficients, (n,), in [-1, 1]; NaN for a single neighbourhood, and
    where all columns have the same coefficient."""


def stability(values: Floats) -> Stability:
    """Mean, standard error and agreement of coefficients (sets, n, columns); raises MethodError for no sets."""
    sets = len(values)
    if sets < 1:
        raise MethodError("stability needs at least one neighbourhood")
    mean = values.mean(axis=0)
    if sets == 1:
        return Stability(mean, np.full_like(mean, np.nan), np.full(len(mean), np.nan))
    error = values.std(axis=0, ddof=1) / np.sqrt(sets)
    return Stability(mean, error, _rank_correlation(values))


def _rank_correlation(values: Floats) -> Floats:
    """From the variance of the sum of the sets' standardised ranks, which holds all pairwise correlations."""
    sets = len(values)
    ranks = tied_ranks(values)
    centred = ranks - ranks.mean(axis=2, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=2, keepdims=True))
    unit = np.divide(centred, length, out=np.full_like(centred, np.nan), where=length > 0)
    both = (unit.sum(axis=0) ** 2).sum(axis=1)
    return np.asarray((both - sets) / (sets * (sets - 1)))
