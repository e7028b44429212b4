"""Whether many pairs of shares are equal, all at once: p values of two-by-two tables as arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from audit.methods.statistics.proportions import FEWEST_EXPECTED, FEWEST_FOR_APPROXIMATION

Array = NDArray[np.float64]


def equal_shares_p(successes: Array, totals: Array, other_successes: Array, other_totals: Array, *, exact: bool = True) -> Array:
    """Two-sided p values that ``successes / totals`` equals ``other_successes / other_totals``, elementwise.

    The pooled two-proportion z test; where a side has fewer than 30 rows or expects fewer than 5 in a cell, twice the smaller tail of
    Fisher's hypergeometric distribution, at most 1 (`exact` counts only: effective counts of weighted rows keep the z test). The doubled
    tail is never below the level it claims and needs no enumeration. Both sides must have rows.
    """
    successes, totals, other_successes, other_totals = np.broadcast_arrays(successes, totals, other_successes, other_totals)
    pooled = (successes + other_successes) / (totals + other_totals)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / totals + 1 / other_totals))
    gap = np.abs(successes / totals - other_successes / other_totals)
    p = np.where(spread > 0, 2 * ndtr(-np.divide(gap, spread, out=np.zeros(gap.shape), where=spread > 0)), 1.0)
    if not exact:
        return np.asarray(p)
    smallest = np.minimum(totals, other_totals)
    sparse = (smallest < FEWEST_FOR_APPROXIMATION) | (smallest * np.minimum(pooled, 1 - pooled) < FEWEST_EXPECTED)
    p[sparse] = _doubled_tail(successes[sparse], totals[sparse], other_successes[sparse], other_totals[sparse])
    return np.asarray(p)


def _doubled_tail(successes: Array, totals: Array, other_successes: Array, other_totals: Array) -> Array:
    from scipy.stats import hypergeom  # noqa: PLC0415  takes half a second to load

    # Hypergeometric: of all rows, so many are hits, and `totals` of them are drawn. Equal tables are worked out once.
    tables = np.stack([successes, totals, other_successes, other_totals]).astype(np.int64)
    held, where = np.unique(tables, axis=1, return_inverse=True)
    hits, drawn, population = held[0] + held[2], held[1], held[1] + held[3]
    low = hypergeom.cdf(held[0], population, hits, drawn)
    high = hypergeom.sf(held[0] - 1, population, hits, drawn)
    return np.asarray(np.minimum(2 * np.minimum(low, high), 1.0)[where.reshape(-1)])
