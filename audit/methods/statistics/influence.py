"""Intervals of any smooth statistic from its influence values; rows that belong together (clusters) are summed before squaring."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from audit.errors import MethodError
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, percent

Array = NDArray[np.float64]


def standard_error(influence: Array, weights: Array | None = None, clusters: NDArray[np.int64] | None = None) -> float:
    """Standard error of an estimate from the influence of each row, (n,).

    With s_i = w_i psi_i / sum(w), summed within clusters, it is sqrt(g / (g - 1) * sum(s^2)) over the g independent units. This is the
    linearisation variance of survey statistics (Binder 1983, doi:10.2307/1402588). Raises MethodError with fewer than two units.
    """
    return float(standard_errors(influence[:, None], weights, clusters)[0])


def standard_errors(influence: Array, weights: Array | None = None, clusters: NDArray[np.int64] | None = None) -> Array:
    """`standard_error` of each of several estimates on the same rows, from their influence (n, …); (…)."""
    flat = influence.reshape(len(influence), -1)
    share = flat / len(flat) if weights is None else weights[:, None] * flat / weights.sum()
    return summed_errors(share, clusters).reshape(influence.shape[1:])


def summed_errors(share: Array, clusters: NDArray[np.int64] | None = None) -> Array:
    """Standard errors (m,) of sums over rows of what each adds, `share` (n, m) of mean 0; raises MethodError with fewer than two units."""
    if clusters is not None:
        owner = np.unique(clusters, return_inverse=True)[1].reshape(-1)
        share = np.stack([np.bincount(owner, weights=column) for column in share.T], axis=1)
    units = len(share)
    if units < 2:
        raise MethodError(f"a standard error needs at least 2 independent units, found {units}")
    return np.asarray(np.sqrt(units / (units - 1) * np.sum(share**2, axis=0)))


def freedom_of(rows: int, weights: Array | None = None, clusters: NDArray[np.int64] | None = None) -> float:
    """Degrees of freedom of such an error: the rows less one, or the number of equal clusters that would be as good as these, less one."""
    return float(rows - 1 if clusters is None else max(equal_clusters(clusters, weights) - 1, 1))


def equal_clusters(clusters: NDArray[np.int64], weights: Array | None = None) -> float:
    """How many clusters of equal weight would be as good as these, (sum m)^2 / sum m^2 over their weights m (Kish): few where some are big."""
    mass = np.bincount(np.unique(clusters, return_inverse=True)[1].reshape(-1), weights=weights)
    return float(mass.sum() ** 2 / np.sum(mass.astype(np.float64) ** 2))


def influence_interval(
    value: float,
    influence: Array,
    *,
    weights: Array | None = None,
    clusters: NDArray[np.int64] | None = None,
    confidence: float = 0.95,
    method: str = "linearised",
) -> Estimate:
    """Student-t interval around `value`; Undefined with fewer than two rows (or clusters).

    Degrees of freedom are the rows less one, or the number of equal clusters that would be as good as these, less one.
    """
    units = len(influence) if clusters is None else len(np.unique(clusters))
    if units < 2:
        return Undefined(f"An interval needs at least 2 independent {'rows' if clusters is None else 'clusters'}; there is {units}.", len(influence))
    half = float(stdtrit(freedom_of(units, weights, clusters), 0.5 + confidence / 2)) * standard_error(influence, weights, clusters)
    text = f"{method}, {percent(confidence)} t interval" + (f" over {units} clusters" if clusters is not None else "")
    return Interval(value, value - half, value + half, len(influence), text)
