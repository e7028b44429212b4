"""Bootstrap replicates: of tables of counts, of rows through weights, of clusters. Percentile intervals.

A multinomial draw over the cells of a table has the distribution of resampling its rows, at the cost of the cells alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from audit.methods.statistics.intervals import Estimate, Interval, Undefined, percent

Array = NDArray[np.float64]
FEWEST_DEFINED = 0.9
"""Share of replicates in which the statistic must exist."""
FEWEST_CLUSTERS = 20
"""Below this number of clusters their resamples vary too little to tell a doubt."""


def multinomial_replicates(counts: NDArray[np.int64], *, generator: np.random.Generator, resamples: int = 2000) -> NDArray[np.int64]:
    """Tables drawn by resampling the rows behind `counts` (any shape) with replacement, (resamples, *shape)."""
    total = int(counts.sum())
    if total == 0:
        return np.zeros((resamples, *counts.shape), dtype=np.int64)
    flat = counts.reshape(-1)
    return generator.multinomial(total, flat / total, size=resamples).reshape(resamples, *counts.shape)


def row_replicates(n: int, statistic: Callable[[Array], float], *, generator: np.random.Generator, resamples: int = 1000) -> Array:
    """`statistic` of the row weights (n,) of each resample, (resamples,); NaN where it does not exist."""
    return np.array([statistic(np.bincount(generator.integers(0, n, n), minlength=n).astype(np.float64)) for _ in range(resamples)])


def cluster_replicates(
    clusters: NDArray[np.int64], statistic: Callable[[Array], float], *, generator: np.random.Generator, resamples: int = 1000
) -> Array:
    """Like `row_replicates`, resampling whole clusters (n,)."""
    names, owner = np.unique(clusters, return_inverse=True)
    count = len(names)
    draws = (np.bincount(generator.integers(0, count, count), minlength=count)[owner].astype(np.float64) for _ in range(resamples))
    return np.array([statistic(weights) for weights in draws])


def percentile_interval(value: float, replicates: Array, n: int, *, confidence: float = 0.95, method: str = "bootstrap") -> Estimate:
    """The central interval of the replicates; Undefined when the statistic exists in fewer than nine tenths of them."""
    defined = replicates[np.isfinite(replicates)]
    if not np.isfinite(value) or len(defined) < FEWEST_DEFINED * len(replicates) or len(defined) < 2:
        return Undefined(f"The statistic exists in {len(defined)} of {len(replicates)} resamples only.", n)
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    text = f"{method}, {percent(confidence)} percentile interval over {len(replicates)} resamples"
    return Interval(value, min(float(low), value), max(float(high), value), n, text)
