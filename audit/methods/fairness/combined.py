"""Combinations of estimates of several groups: sums, largest and smallest, each with an interval made from those of its parts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from audit.methods.statistics.intervals import Estimate, Interval, Undefined

PARTS = ", interval from those of its parts"


def weighted_sum(parts: Sequence[Estimate], factors: Sequence[float], *, what: str) -> Estimate:
    """Σ factor · part of independent estimates; the ends recover the parts' variances from their intervals.

    MOVER, Zou & Donner 2008, doi:10.1002/sim.3095. Undefined when a part is.
    """
    missing = _missing(parts)
    if missing is not None:
        return missing
    held = [part for part in parts if isinstance(part, Interval)]
    value = sum(factor * part.value for factor, part in zip(factors, held, strict=True))
    below = [factor * (part.value - (part.low if factor > 0 else part.high)) for factor, part in zip(factors, held, strict=True)]
    above = [factor * ((part.high if factor > 0 else part.low) - part.value) for factor, part in zip(factors, held, strict=True)]
    return Interval(value, value - math.hypot(*below), value + math.hypot(*above), sum(part.n for part in held), what + PARTS)


def largest_size(parts: Sequence[Estimate], *, what: str) -> Estimate:
    """The largest |part|, in the unit of the parts.

    Low end: the largest distance from 0 that any interval keeps; high end: the farthest any of them reaches. When all intervals hold together the
    result does, so give it simultaneous ones. Undefined when a part is.
    """
    missing = _missing(parts)
    if missing is not None:
        return missing
    held = [part for part in parts if isinstance(part, Interval)]
    low = max(max(0.0, part.low, -part.high) for part in held)
    high = max(max(abs(part.low), abs(part.high)) for part in held)
    return Interval(max(abs(part.value) for part in held), low, high, sum(part.n for part in held), what + PARTS)


def mean_size(parts: Sequence[Estimate], *, what: str) -> Estimate:
    """Mean of |part|; the ends are the means of the smallest and largest sizes that simultaneous intervals allow. Undefined when a part is."""
    missing = _missing(parts)
    if missing is not None:
        return missing
    held = [part for part in parts if isinstance(part, Interval)]
    low = sum(max(0.0, part.low, -part.high) for part in held) / len(held)
    high = sum(max(abs(part.low), abs(part.high)) for part in held) / len(held)
    value = sum(abs(part.value) for part in held) / len(held)
    return Interval(value, low, high, sum(part.n for part in held), what + PARTS)


def spread(parts: Sequence[Estimate], *, what: str) -> Estimate:
    """Largest minus smallest of the parts, at least 0, from simultaneous intervals; Undefined with fewer than two parts that are defined."""
    held = [part for part in parts if isinstance(part, Interval)]
    if len(held) < 2:
        return Undefined("Fewer than two groups have an estimate.", sum(part.n for part in parts))
    low = max(0.0, max(part.low for part in held) - min(part.high for part in held))
    high = max(part.high for part in held) - min(part.low for part in held)
    value = max(part.value for part in held) - min(part.value for part in held)
    return Interval(value, low, high, sum(part.n for part in held), what + PARTS)


def smallest_ratio(parts: Sequence[Estimate], *, what: str) -> Estimate:
    """Smallest over largest of the parts, in [0, 1], from simultaneous intervals; Undefined where the largest is 0 or fewer than two are defined."""
    held = [part for part in parts if isinstance(part, Interval)]
    if len(held) < 2:
        return Undefined("Fewer than two groups have an estimate.", sum(part.n for part in parts))
    most = max(part.value for part in held)
    if most <= 0:
        return Undefined("The largest of the values is zero, so there is no ratio.", sum(part.n for part in held))
    above = max(part.high for part in held)
    below = max(part.low for part in held)
    low = max(0.0, min(part.low for part in held)) / above
    high = min(1.0, min(part.high for part in held) / below) if below > 0 else 1.0
    value = min(part.value for part in held) / most
    return Interval(value, min(low, value), max(high, value), sum(part.n for part in held), what + PARTS)


def odds(share: Estimate, *, what: str) -> Estimate:
    """p / (1 - p) of a share, by its interval's ends; Undefined where the share is 1."""
    if isinstance(share, Undefined):
        return share
    if share.value >= 1:
        return Undefined("What would be divided by is zero.", share.n)
    high = share.high / (1 - share.high) if share.high < 1 else None
    if high is None:
        return Undefined("The interval reaches a division by zero.", share.n)
    return Interval(share.value / (1 - share.value), share.low / (1 - share.low), high, share.n, f"{what} from a {share.method}")


def _missing(parts: Sequence[Estimate]) -> Undefined | None:
    if not parts:
        return Undefined("There is nothing to combine.", 0)
    first = next((part for part in parts if isinstance(part, Undefined)), None)
    return None if first is None else Undefined(first.reason, first.n)
