"""Quantiles of scales of which the largest were not reached: known up to one common limit. No torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit.methods.statistics.group_shares import one_share
from audit.methods.statistics.intervals import Estimate, Interval, Undefined
from audit.methods.statistics.proportions import Share, proportion_interval

Floats = NDArray[np.float64]


def censored_quantile(
    scales: Floats,
    censored: NDArray[np.bool_],
    q: float,
    *,
    largest: float,
    weights: Floats | None = None,
    clusters: NDArray[np.int64] | None = None,
) -> Estimate:
    """The `q` quantile of `scales` (n,), where `censored` rows lie beyond `largest`; Undefined where the quantile does as well.

    The interval inverts that of a proportion q on the effective number of rows (Woodruff 1952, doi:10.1080/01621459.1952.10483443); an end
    beyond `largest` is given as `largest`, and the method says so.
    """
    n = len(scales)
    if n == 0:
        return Undefined("There are no rows.", 0)
    known = np.where(censored, np.inf, scales)
    value = weighted_quantile(known, q, weights)
    if not np.isfinite(value):
        return Undefined(f"Fewer than {q:.0%} of the rows gave way up to {largest:g} radii, so this quantile lies beyond.", n)
    around = one_share(known <= value, weights=weights, clusters=clusters)
    share = proportion_interval(Share(q * around.total, around.total, n))
    if isinstance(share, Undefined):
        return share
    low, high = weighted_quantile(known, share.low, weights), weighted_quantile(known, share.high, weights)
    method = f"{q:g} quantile, Woodruff 95 % interval"
    if not np.isfinite(high):
        method += f", whose upper end lies beyond the {largest:g} radii tried"
    return Interval(value, min(low, value), max(min(high, largest), value), n, method)


def weighted_quantile(values: Floats, q: float, weights: Floats | None = None) -> float:
    """The smallest value up to which at least a share `q` of the weight lies."""
    order = np.argsort(values, kind="stable")
    weight = np.ones(len(values)) if weights is None else weights[order]
    reached = np.cumsum(weight) >= q * weight.sum() * (1 - 1e-12)
    return float(values[order][int(np.argmax(reached))])
