"""Axes: from data to positions on the page, with ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """Maps [low, high] to [start, end], linearly or by logarithm; values beyond the ends are drawn at the ends."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        share = (self._scaled(value) - self._scaled(self.low)) / (self._scaled(self.high) - self._scaled(self.low))
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """Round values inside the axis, about five."""
        return _log_ticks(self.low, self.high) if self.log else _linear_ticks(self.low, self.high)

    def _scaled(self, value: float) -> float:
        return math.log(max(value, self.low)) if self.log else value


def axis(values: Iterable[float | None], start: float, end: float, *, log: bool = False, pad: float = 0.05) -> Axis:
    """An axis that holds all finite `values` with some room; [0, 1] when there are none. A log axis holds the positive ones."""
    finite = [value for value in values if value is not None and math.isfinite(value) and (value > 0 or not log)]
    low, high = (min(finite), max(finite)) if finite else ((0.5, 2.0) if log else (0.0, 1.0))
    if log:
        room = max((high / low) ** pad, 1.05)
        return Axis(max(low / room, 1e-300), min(high * room, 1e300), start, end, log=True)
    if not math.isfinite(high - low):
        low, high = max(low, -1e300), min(high, 1e300)
    room = (high - low) * pad or max(abs(high) * 0.1, 1e-9)
    return Axis(low - room, high + room, start, end)


def _linear_ticks(low: float, high: float) -> list[float]:
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step)
    return [round(position * step, 12) if step < 1e6 else position * step for position in range(first, math.floor(high / step) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), fine):
        found = [factor * 10.0**decade for decade in decades for factor in factors if low <= factor * 10.0**decade <= high]
        if len(found) >= 4:
            return found[:: math.ceil(len(found) / 7)]
    return found or [low, high]
