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
        return Undefined(f"Fewer than {q:.0%} of the rows have a value up to {largest:g}, so this quantile lies beyond.", n)
    around = one_share(known <= value, weights=weights, clusters=clusters)
    share = proportion_interval(Share(q * around.total, around.total, n))
    if isinstance(share, Undefined):
        return share
    low, high = weighted_quantile(known, share.low, weights), weighted_quantile(known, share.high, weights)
    method = f"{q:g} quantile, Woodruff 95 % interval"
    if not np.isfinite(high):
        method += f", whose upper end lies beyond {largest:g}"
    return Interval(value, min(low, value), max(min(high, largest), value), n, method)


def censored_median_difference(
    first: tuple[Floats, NDArray[np.bool_]],
    second: tuple[Floats, NDArray[np.bool_]],
    *,
    largest: float,
    weights: tuple[Floats | None, Floats | None] = (None, None),
    clusters: tuple[NDArray[np.int64] | None, NDArray[np.int64] | None] = (None, None),
) -> Estimate:
    """Median of `first` minus median of `second`, each (scales, censored); Undefined where an end of either interval lies beyond `largest`.

    The ends recover the variances from the two intervals (Zou & Donner 2008, doi:10.1002/sim.3095).
    """
    sides = [
        censored_quantile(scales, censored, 0.5, largest=largest, weights=weight, clusters=cluster)
        for (scales, censored), weight, cluster in zip((first, second), weights, clusters, strict=True)
    ]
    one, two = sides
    n = len(first[0]) + len(second[0])
    if isinstance(one, Undefined) or isinstance(two, Undefined):
        return Undefined(next(side.reason for side in sides if isinstance(side, Undefined)), n)
    if max(one.high, two.high) >= largest:
        return Undefined(f"The interval of a median reaches beyond {largest:g}, up to which it is known.", n)
    value = one.value - two.value
    low = value - float(np.hypot(one.value - one.low, two.high - two.value))
    high = value + float(np.hypot(one.high - one.value, two.value - two.low))
    return Interval(value, low, high, n, "difference of medians, 95 % interval from Woodruff intervals")


def weighted_quantile(values: Floats, q: float, weights: Floats | None = None) -> float:
    """The smallest value up to which at least a share `q` of the weight lies."""
    order = np.argsort(values, kind="stable")
    weight = np.ones(len(values)) if weights is None else weights[order]
    reached = np.cumsum(weight) >= q * weight.sum() * (1 - 1e-12)
    return float(values[order][int(np.argmax(reached))])
