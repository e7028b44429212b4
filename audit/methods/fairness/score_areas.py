"""Areas under ROC curves from scores as codes: inside a group, across groups, and their differences, with influence values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from audit.methods.statistics.influence import influence_interval, standard_error
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, normal_quantile, percent

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Area:
    """The chance that a positive row scores above a negative one, ties counting one half, and each row's influence on it.

    `rows` are the positions of the rows it rests on; `influence` (len(rows),) averages, with their weights, to 0.
    """

    value: float
    rows: NDArray[np.int64]
    influence: Array
    fewest: int
    """Rows of the smaller class."""


def score_area(codes: Codes, positives: NDArray[np.int64], negatives: NDArray[np.int64], weights: Array | None = None) -> Area | Undefined:
    """The area between two sets of rows, by position, for scores given as `codes` (n,): 0 for the lowest distinct score, and so on.

    Exact in time linear in the rows and the distinct scores. The influence values are the placements of DeLong et al. 1988
    (doi:10.2307/2531595), so that their linearised variance is DeLong's. Undefined when either side has no weight.
    """
    rows = np.concatenate([positives, negatives])
    if min(len(positives), len(negatives)) == 0:
        return Undefined(f"The area needs both classes; there are {len(positives)} positive and {len(negatives)} negative rows.", len(rows))
    up, down = (np.ones(len(side)) if weights is None else weights[side] for side in (positives, negatives))
    if min(up.sum(), down.sum()) <= 0:
        return Undefined("The area needs both classes; one has no weight.", len(rows))
    first, second = codes[positives], codes[negatives]
    size = int(max(first.max(), second.max())) + 1
    above = _share_below(second, down, size)[first]
    below = 1 - _share_below(first, up, size)[second]
    value = float(np.average(above, weights=up))
    total = up.sum() + down.sum()
    influence = np.concatenate([(above - value) * total / up.sum(), (below - value) * total / down.sum()])
    return Area(min(max(value, 0.0), 1.0), rows, influence, min(len(positives), len(negatives)))


def area_interval(area: Area | Undefined, weights: Array | None = None, *, clusters: Codes | None = None, confidence: float = 0.95) -> Estimate:
    """DeLong's interval on the logit scale; without spread the far end is an exact binomial bound with the rows of the smaller class.

    `weights` and `clusters` are those of all rows, (n,).
    """
    if isinstance(area, Undefined):
        return area
    units = len(area.rows) if clusters is None else len(np.unique(clusters[area.rows]))
    if units < 2:
        return Undefined("An interval needs at least 2 independent clusters; there is 1.", len(area.rows))
    error, value = standard_error(area.influence, _of(weights, area.rows), _of(clusters, area.rows)), area.value
    if error <= 1e-12 or value <= 0 or value >= 1:
        edge = ((1 - confidence) / 2) ** (1 / min(area.fewest, units))
        low, high = (min(edge, value), value) if value >= 0.5 else (value, max(1 - edge, value))
        return Interval(value, low, high, len(area.rows), f"area under the ROC curve, {percent(confidence)} binomial bound of the smaller class")
    centre, half = math.log(value / (1 - value)), normal_quantile(confidence) * error / (value * (1 - value))
    low, high = (1 / (1 + math.exp(-min(max(end, -700.0), 700.0))) for end in (centre - half, centre + half))
    text = f"area under the ROC curve, DeLong {percent(confidence)} logit interval"
    return Interval(value, min(low, value), max(high, value), len(area.rows), text)


def area_difference(
    first: Area | Undefined,
    second: Area | Undefined,
    n: int,
    weights: Array | None = None,
    *,
    clusters: Codes | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """`first` area less `second` of the same `n` rows; rows and clusters that count in both are summed first.

    Where an area has no spread, or the plain interval is the narrower one, the ends are those recovered from the two logit intervals
    (Zou & Donner 2008, doi:10.1002/sim.3095), which know that areas end at 1.
    """
    if isinstance(first, Undefined) or isinstance(second, Undefined):
        return first if isinstance(first, Undefined) else Undefined(f"The reference: {second.reason}" if isinstance(second, Undefined) else "", n)
    one, two = (area_interval(side, weights, clusters=clusters, confidence=confidence) for side in (first, second))
    if isinstance(one, Undefined) or isinstance(two, Undefined):
        return one if isinstance(one, Undefined) else two
    total = float(n) if weights is None else float(weights.sum())
    influence = np.zeros(n)
    for sign, area in ((1.0, first), (-1.0, second)):
        mine = float(len(area.rows)) if weights is None else float(weights[area.rows].sum())
        influence[area.rows] += sign * area.influence * total / mine
    value = first.value - second.value
    joint = influence_interval(value, influence, weights=weights, clusters=clusters, confidence=confidence)
    low = value - math.hypot(one.value - one.low, two.high - two.value)
    high = value + math.hypot(one.high - one.value, two.value - two.low)
    if isinstance(joint, Interval):
        low, high = min(low, joint.low), max(high, joint.high)
    text = f"difference of areas, DeLong {percent(confidence)} interval, no narrower than that from both logit intervals"
    return Interval(value, max(low, -1.0), min(high, 1.0), len(first.rows) + len(second.rows), text)


def _share_below(codes: Codes, weight: Array, size: int) -> Array:
    """Weighted share of these rows below each code, those at it counting one half, (size,)."""
    mass = np.bincount(codes, weights=weight, minlength=size)
    reached = np.cumsum(mass)
    return np.asarray((reached - mass / 2) / reached[-1])


def _of(values: NDArray[Scalar] | None, rows: NDArray[np.int64]) -> NDArray[Scalar] | None:
    return None if values is None else values[rows]
