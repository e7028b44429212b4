"""The four-fifths grid in exact integers: is the ratio below the limit, is the difference beyond chance, how many decisions would lift it.

29 CFR 1607.4(D) and the questions and answers on it (44 FR 11996). A legal screen, not a statistical estimate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

LEVEL = 0.05
"""Two-sided level of the test."""
SMALL_ROWS, SMALL_CELL = 30, 5
"""Below these, Fisher's exact test replaces the two-proportion Z test."""


@dataclass(frozen=True)
class Grid:
    """Where a pair of groups stands in the grid."""

    below: bool
    """The ratio of selection rates is below the limit, in exact arithmetic."""
    significant: bool
    """The adjusted p-value is below `LEVEL`."""
    p_value: float
    """Two-sided, Bonferroni-adjusted for the number of comparisons, in [0, 1]."""
    test: str
    """``"Fisher's exact"`` or ``"two-proportion Z"``."""
    flips: int
    """Fewest one-for-one swaps (one more selected in the group, one fewer in the reference) after which the ratio is not below the limit."""


def grid(selected: int, total: int, reference_selected: int, reference_total: int, *, limit: Fraction, comparisons: int = 1) -> Grid:
    """Place two groups in the grid; counts are of persons selected and in all, the limit is a ratio such as 4/5.

    A reference of which nobody was selected has no ratio: ValueError.
    """
    if reference_selected <= 0 or total <= 0 or reference_total <= 0:
        raise ValueError("the ratio needs rows in both groups and somebody selected in the reference")
    p_value, test = _p_value(selected, total, reference_selected, reference_total)
    adjusted = min(1.0, p_value * comparisons)
    below = _below(selected, total, reference_selected, reference_total, limit)
    flips = _flips(selected, total, reference_selected, reference_total, limit)
    return Grid(below, adjusted < LEVEL, adjusted, test, flips)


def _below(selected: int, total: int, reference_selected: int, reference_total: int, limit: Fraction) -> bool:
    return selected * reference_total * limit.denominator < reference_selected * total * limit.numerator


def _flips(selected: int, total: int, reference_selected: int, reference_total: int, limit: Fraction) -> int:
    """Smallest k with (s+k)/n >= limit * (r-k)/m, solved for k in integers."""
    short = limit * reference_selected * total - Fraction(selected * reference_total)
    return max(0, math.ceil(short / (reference_total + limit * total)))


def _p_value(selected: int, total: int, reference_selected: int, reference_total: int) -> tuple[float, str]:
    pooled = Fraction(selected + reference_selected, total + reference_total)
    smallest = min(n * share for n in (total, reference_total) for share in (pooled, 1 - pooled))
    if min(total, reference_total) < SMALL_ROWS or smallest < SMALL_CELL:
        from scipy.stats import fisher_exact  # noqa: PLC0415  takes half a second to load

        table = [[selected, total - selected], [reference_selected, reference_total - reference_selected]]
        return float(fisher_exact(table).pvalue), "Fisher's exact"
    variance = float(pooled * (1 - pooled)) * (1 / total + 1 / reference_total)
    z = (selected / total - reference_selected / reference_total) / math.sqrt(variance)
    return math.erfc(abs(z) / math.sqrt(2)), "two-proportion Z"
