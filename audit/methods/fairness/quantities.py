"""Smooth statistics of one group with the part each row plays in their error, so that two groups can be held against each other.

Rows of one cluster are summed first, also where a cluster has rows in both groups.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from audit.methods.fairness.comparisons import FEWEST_COMPARED
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, percent

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Quantity:
    """A statistic of `n` rows and the part of each independent unit in its error, (units,)."""

    value: float
    n: int
    parts: Array
    clusters: Ints | None
    """Names of the units, ascending; None when every row is one."""

    @property
    def error(self) -> float:
        """Standard error: sqrt(u / (u - 1) · sum of squared parts) over u units; 0 for a single unit, which has no interval."""
        return _error(self.parts)


def quantity(value: float, influence: Array, weights: Array | None = None, clusters: Ints | None = None) -> Quantity:
    """A statistic from the influence of each row on it, (n,) (Binder 1983, doi:10.2307/1402588)."""
    share = influence / max(len(influence), 1) if weights is None else weights * influence / weights.sum()
    if clusters is None:
        return Quantity(value, len(influence), share, None)
    names, owner = np.unique(clusters, return_inverse=True)
    parts: Array = np.bincount(owner, weights=share, minlength=len(names)).astype(np.float64)
    return Quantity(value, len(influence), parts, names.astype(np.int64))


def group_interval(
    held: Quantity | Undefined, *, what: str, lowest: float = -math.inf, highest: float = math.inf, confidence: float = 0.95
) -> Estimate:
    """Student-t interval, cut at the lowest and highest possible value; Undefined with fewer than two units."""
    if isinstance(held, Undefined):
        return held
    units = len(held.parts)
    if units < 2:
        return Undefined(f"An interval needs at least 2 independent {'rows' if held.clusters is None else 'clusters'}; there is {units}.", held.n)
    half = float(stdtrit(units - 1, 0.5 + confidence / 2)) * held.error
    ends = max(held.value - half, min(lowest, held.value)), min(held.value + half, max(highest, held.value))
    return Interval(held.value, *ends, held.n, f"{what}, linearised {percent(confidence)} t interval{_over(held)}")


def quantity_difference(group: Quantity | Undefined, reference: Quantity | Undefined, *, what: str, confidence: float = 0.95) -> Estimate:
    """`group` minus `reference` with Welch's interval; Undefined when a side has fewer than five rows or no value."""
    pair = _comparable(group, reference)
    if isinstance(pair, Undefined):
        return pair
    one, two = pair
    value, (error, freedom) = one.value - two.value, _joint(one, two, 1.0, 1.0)
    half = float(stdtrit(freedom, 0.5 + confidence / 2)) * error
    text = f"difference of {what}, Welch {percent(confidence)} interval{_over(one, two)}"
    return Interval(value, value - half, value + half, one.n + two.n, text)


def quantity_ratio(group: Quantity | Undefined, reference: Quantity | Undefined, *, what: str, confidence: float = 0.95) -> Estimate:
    """`group` over `reference` with the interval of its logarithm; Undefined unless both are above 0."""
    pair = _comparable(group, reference)
    if isinstance(pair, Undefined):
        return pair
    one, two = pair
    if min(one.value, two.value) <= 0:
        return Undefined("A ratio is formed of numbers above 0 only; one of the two is not.", min(one.n, two.n))
    ratio = one.value / two.value
    error, freedom = _joint(one, two, 1 / one.value, 1 / two.value)
    factor = math.exp(min(float(stdtrit(freedom, 0.5 + confidence / 2)) * error, 700.0))
    text = f"ratio of {what}, {percent(confidence)} interval of the logarithm{_over(one, two)}"
    return Interval(ratio, ratio / factor, min(ratio * factor, 1e300), one.n + two.n, text)


def _comparable(group: Quantity | Undefined, reference: Quantity | Undefined) -> tuple[Quantity, Quantity] | Undefined:
    rows = min(group.n, reference.n)
    if rows < FEWEST_COMPARED:
        side = "the group" if group.n <= reference.n else "the reference group"
        return Undefined(f"There are {rows} rows in {side}, too few to compare (at least {FEWEST_COMPARED}).", rows)
    if isinstance(group, Undefined) or isinstance(reference, Undefined):
        return Undefined(next(side.reason for side in (group, reference) if isinstance(side, Undefined)), rows)
    if min(len(group.parts), len(reference.parts)) < 2:
        return Undefined("A comparison needs at least 2 independent clusters on each side.", rows)
    return group, reference


def _joint(group: Quantity, reference: Quantity, first: float, second: float) -> tuple[float, float]:
    """Standard error of first · group - second · reference, and its degrees of freedom."""
    one, two = first * group.parts, second * reference.parts
    errors = _error(one), _error(two)
    if group.clusters is None or reference.clusters is None:
        return math.hypot(*errors), _freedom(errors, (len(one), len(two)))
    place = np.minimum(np.searchsorted(reference.clusters, group.clusters), len(two) - 1)
    both = reference.clusters[place] == group.clusters
    units = len(one) + len(two) - int(both.sum())
    spread = float(np.sum(one**2) + np.sum(two**2) - 2 * np.sum(one[both] * two[place[both]]))
    return math.sqrt(max(spread, 0.0) * units / (units - 1)), _freedom(errors, (len(one), len(two)))


def _error(parts: Array) -> float:
    units = len(parts)
    return float(np.sqrt(units / (units - 1) * np.sum(parts**2))) if units > 1 else 0.0


def _freedom(errors: tuple[float, float], units: tuple[int, int]) -> float:
    """Welch 1947, doi:10.1093/biomet/34.1-2.28."""
    size = max(errors)
    if size <= 0:
        return float(sum(units) - 2)
    squares = [(error / size) ** 2 for error in errors]
    return sum(squares) ** 2 / sum(square**2 / (n - 1) for square, n in zip(squares, units, strict=True))


def _over(*held: Quantity) -> str:
    return "" if held[0].clusters is None else f" over {' and '.join(str(len(one.parts)) for one in held)} clusters"
