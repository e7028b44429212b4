"""The area under a ROC curve with ties, weights and clusters: its value, each row's influence on it, and an interval on the logit scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from audit.methods.statistics.influence import standard_error
from audit.methods.statistics.intervals import Interval, normal_quantile, percent

Array = NDArray[np.float64]
SMALLEST_ERROR = 1e-12
"""Standard errors up to this are rounding."""


@dataclass(frozen=True)
class RocArea:
    """The chance that a positive row scores above a negative one, ties counting one half, and each row's influence on it, (n,).

    The influence values average, with the weights of their rows, to 0; their linearised variance is that of DeLong et al. 1988
    (doi:10.2307/2531595).
    """

    value: float
    influence: Array


def roc_area(codes: NDArray[np.int64], positives: NDArray[np.bool_], weights: Array | None = None) -> RocArea:
    """The area for scores given as `codes` (n,), 0 or more and in the order of the scores; `positives` (n,), both kinds with some weight.

    Takes time linear in the rows and the largest code, by the placements of Sun & Xu 2014 (doi:10.1109/LSP.2014.2337313).
    """
    weight = np.ones(len(codes)) if weights is None else weights
    up, down, size = weight[positives], weight[~positives], int(codes.max()) + 1
    first, second = codes[positives], codes[~positives]
    above, below = _share_below(second, down, size)[first], 1 - _share_below(first, up, size)[second]
    value = float(np.average(above, weights=up))
    influence = np.empty(len(codes))
    influence[positives] = (above - value) * weight.sum() / up.sum()
    influence[~positives] = (below - value) * weight.sum() / down.sum()
    return RocArea(min(max(value, 0.0), 1.0), influence)


def score_codes(scores: Array) -> NDArray[np.int64]:
    """Place of each score (n,) among the distinct scores, ascending."""
    return np.unique(scores, return_inverse=True)[1].reshape(-1).astype(np.int64)


def independent_units(positives: NDArray[np.bool_], weights: Array | None = None, clusters: NDArray[np.int64] | None = None) -> float:
    """Rows, effective rows (Kish) or clusters of the kind, positive or not, that has fewer."""
    return min(_units(kind, weights, clusters) for kind in (positives, ~positives))


def logit_interval(
    area: RocArea,
    positives: NDArray[np.bool_],
    weights: Array | None = None,
    *,
    clusters: NDArray[np.int64] | None = None,
    confidence: float = 0.95,
    what: str = "area under the ROC curve, DeLong",
    bound: str = "area under the ROC curve",
) -> Interval:
    """Interval on the logit scale, by the t quantile of the clusters of the scarcer kind where rows belong to clusters.

    An area without spread (0, 1, or a constant score) says only that, of the m units of the scarcer kind, all were placed alike: a share
    (1 - confidence) / 2 to the power 1 / m of all are, at least, and the others may lie anywhere. Raises MethodError with one unit.
    """
    value, n, units = area.value, len(positives), independent_units(positives, weights, clusters)
    error = standard_error(area.influence, weights, clusters)
    if error <= SMALLEST_ERROR or not 0 < value < 1:
        alike = ((1 - confidence) / 2) ** (1 / max(units, 1))
        low, high = value * alike, value * alike + (1 - alike)
        return Interval(value, min(low, value), max(high, value), n, f"{bound}, {percent(confidence)} binomial bound of the smaller class")
    quantile = normal_quantile(confidence) if clusters is None else float(stdtrit(max(units - 1, 1), 0.5 + confidence / 2))
    centre, half = math.log(value / (1 - value)), quantile * error / (value * (1 - value))
    low, high = (1 / (1 + math.exp(-min(max(end, -700.0), 700.0))) for end in (centre - half, centre + half))
    text = f"{what} {percent(confidence)} logit interval" + ("" if clusters is None else f" over {len(np.unique(clusters))} clusters")
    return Interval(value, min(low, value), max(high, value), n, text)


def _units(kind: NDArray[np.bool_], weights: Array | None, clusters: NDArray[np.int64] | None) -> float:
    if clusters is not None:
        return float(len(np.unique(clusters[kind])))
    return float(kind.sum()) if weights is None else float(weights[kind].sum() ** 2 / np.sum(weights[kind] ** 2))


def _share_below(codes: NDArray[np.int64], weight: Array, size: int) -> Array:
    """Weighted share of these rows below each code, those at it counting one half, (size,)."""
    mass = np.bincount(codes, weights=weight, minlength=size)
    reached = np.cumsum(mass)
    return np.asarray((reached - mass / 2) / reached[-1])
