"""How few decisions carry a difference between two groups: flips, shortfall, and the smallest ratio that so many rows could show."""

from __future__ import annotations

import math
from fractions import Fraction

from scipy.special import ndtr, ndtri

from audit.errors import MethodError
from audit.methods.statistics.intervals import Undefined


def flips_to_lift(selected: int, total: int, reference_selected: int, reference_total: int, *, limit: Fraction = Fraction(4, 5)) -> int:
    """Fewest one-for-one swaps (one more selected in the group, one fewer in the reference) that lift the ratio to `limit`; 0 when it is there.

    Each swap keeps the number selected. Integers throughout: (s + k) R >= limit (r - k) N.
    """
    gap = limit * reference_selected * total - selected * reference_total
    step = reference_total + limit * total
    if gap <= 0 or step <= 0:
        return 0
    return math.ceil(gap / step)


def flips_to_reverse(selected: int, total: int, reference_selected: int, reference_total: int) -> int:
    """Fewest one-for-one swaps after which the group is selected at a rate at least that of the reference; 0 when it already is."""
    return flips_to_lift(selected, total, reference_selected, reference_total, limit=Fraction(1))


def shortfall(selected: float, total: float, reference_rate: float) -> float:
    """Rows of the group that would have been selected at the reference rate, less those that were; negative for a surplus."""
    return total * reference_rate - selected


def smallest_detectable_ratio(
    total: float, reference_total: float, reference_rate: float, *, power: float = 0.8, alpha: float = 0.05
) -> float | Undefined:
    """The ratio nearest 1, below it, that a two-sided two-proportion test would find with probability `power` (normal approximation).

    Undefined when even a ratio of 0 would be missed, or when the reference rate is 0 or 1. Fleiss et al. 2003,
    doi:10.1002/0471445428, chapter 4.
    """
    if not 0 < power < 1 or not 0 < alpha < 1:
        raise MethodError("power and alpha lie between 0 and 1")
    rows = int(total + reference_total)
    if not 0 < reference_rate < 1 or min(total, reference_total) <= 0:
        return Undefined("The reference rate leaves no room for a test.", rows)

    def excess(ratio: float) -> float:
        return _power(ratio * reference_rate, reference_rate, total, reference_total, alpha) - power

    if excess(0.0) <= 0:
        return Undefined("With so few rows even a ratio of 0 would be missed more often than accepted.", rows)
    from scipy.optimize import brentq  # noqa: PLC0415  takes longer to load than all else here

    return float(brentq(excess, 0.0, 1.0, xtol=1e-8))


def _power(p: float, q: float, n: float, m: float, alpha: float) -> float:
    pooled = (p * n + q * m) / (n + m)
    under_equality = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    under_gap = math.sqrt(p * (1 - p) / n + q * (1 - q) / m)
    return float(ndtr((q - p - ndtri(1 - alpha / 2) * under_equality) / under_gap)) if under_gap > 0 else float(q > p)
