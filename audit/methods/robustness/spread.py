"""How far a raw column reaches in the data: its range and a robust measure of spread, from which a radius is chosen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError


@dataclass(frozen=True)
class Spread:
    """Range and spread of the values that are not missing; `measure` says which spread it is."""

    low: float
    high: float
    value: float
    measure: str


def spread(values: NDArray[np.float64]) -> Spread:
    """Interquartile range; the standard deviation where half of the values are equal; raises MethodError when none is finite."""
    held = values[np.isfinite(values)]
    if not len(held):
        raise MethodError("a spread needs at least one finite value")
    low, high = float(held.min()), float(held.max())
    quarter, three_quarters = np.quantile(held, [0.25, 0.75])
    if three_quarters > quarter:
        return Spread(low, high, float(three_quarters - quarter), "interquartile range")
    return Spread(low, high, float(held.std()), "standard deviation")
