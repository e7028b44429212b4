"""Areas under ROC curves from scores as codes: inside a group, across groups, and their differences, with influence values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from audit.methods.statistics.influence import influence_interval
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, percent
from audit.methods.statistics.roc_area import RocArea, logit_interval, roc_area

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Area:
    """The chance that a positive row scores above a negative one, ties counting one half, and each row's influence on it.

    `rows` are the positions of the rows it rests on, the positive ones first; `influence` (len(rows),) averages, with their weights, to 0.
    """

    value: float
    rows: NDArray[np.int64]
    influence: Array
    positives: NDArray[np.bool_]


def score_area(codes: Codes, positives: NDArray[np.int64], negatives: NDArray[np.int64], weights: Array | None = None) -> Area | Undefined:
    """The area between two sets of rows, by position, for scores given as `codes` (n,): 0 for the lowest distinct score, and so on.

    Exact in time linear in the rows and the distinct scores. Undefined when either side has no weight.
    """
    rows = np.concatenate([positives, negatives])
    if min(len(positives), len(negatives)) == 0:
        return Undefined(f"The area needs both classes; there are {len(positives)} positive and {len(negatives)} negative rows.", len(rows))
    if weights is not None and min(weights[positives].sum(), weights[negatives].sum()) <= 0:
        return Undefined("The area needs both classes; one has no weight.", len(rows))
    up = np.arange(len(rows)) < len(positives)
    held = roc_area(codes[rows], up, _of(weights, rows))
    return Area(held.value, rows, held.influence, up)


def area_interval(area: Area | Undefined, weights: Array | None = None, *, clusters: Codes | None = None, confidence: float = 0.95) -> Estimate:
    """DeLong's interval on the logit scale; without spread a binomial bound with the units of the smaller class.

    `weights` and `clusters` are those of all rows, (n,).
    """
    if isinstance(area, Undefined):
        return area
    weight, owner = _of(weights, area.rows), _of(clusters, area.rows)
    if owner is not None and len(np.unique(owner)) < 2:
        return Undefined("An interval needs at least 2 independent clusters; there is 1.", len(area.rows))
    return logit_interval(RocArea(area.value, area.influence), area.positives, weight, clusters=owner, confidence=confidence)


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


def _of(values: NDArray[Scalar] | None, rows: NDArray[np.int64]) -> NDArray[Scalar] | None:
    return None if values is None else values[rows]
