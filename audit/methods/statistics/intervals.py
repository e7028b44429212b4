"""`Interval`, an estimate with its doubt, and `Undefined`, an estimate that does not exist. Nothing here is NaN."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtri

from audit.errors import MethodError


@dataclass(frozen=True)
class Interval:
    """An estimate, its two-sided interval, the number of rows it rests on, and the method in the field's words."""

    value: float
    low: float
    high: float
    n: int
    method: str

    def __post_init__(self) -> None:
        if not all(math.isfinite(number) for number in (self.value, self.low, self.high)):
            raise MethodError(f"an interval needs finite numbers, found {self.value}, {self.low}, {self.high}; return Undefined instead")


@dataclass(frozen=True)
class Undefined:
    """A quantity that cannot be estimated: why, and from how many rows."""

    reason: str
    n: int


Estimate = Interval | Undefined
"""What every estimator returns."""


def normal_quantile(confidence: float) -> float:
    """Two-sided standard normal quantile; 1.96 for 0.95. Raises MethodError outside (0, 1)."""
    if not 0 < confidence < 1:
        raise MethodError(f"confidence is {confidence}; expected a number between 0 and 1")
    return float(ndtri(0.5 + confidence / 2))


def percent(confidence: float) -> str:
    """A confidence level as shown in methods, for example ``95 %``."""
    return f"{100 * confidence:.4g} %"


def clipped(estimate: Estimate, low: float, high: float) -> Estimate:
    """The same estimate with its ends inside the possible range."""
    if isinstance(estimate, Undefined):
        return estimate
    return Interval(
        estimate.value, max(low, min(estimate.low, estimate.value)), min(high, max(estimate.high, estimate.value)), estimate.n, estimate.method
    )
