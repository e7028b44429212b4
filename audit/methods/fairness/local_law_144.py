"""Tables of rates and impact ratios as New York City's Local Law 144 asks for them, in exact fractions. No limit is part of them.

6 RCNY 5-301(b)-(d): selection rates, scoring rates (the share strictly above the median of the full sample), ratios to the highest rate.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError

SMALL = Fraction(2, 100)
"""A category below this share of its table may be left out of the ratios."""


@dataclass(frozen=True)
class Category:
    """One category of a table."""

    selected: int
    """Rows moved forward, or scored above the median."""
    total: int
    share: Fraction
    """Share of the rows of the table."""
    rate: Fraction | None
    """Unrounded; None without rows."""
    impact_ratio: Fraction | None
    """Unrounded; None where left out, without rows, or when the highest rate is 0."""
    left_out: bool


@dataclass(frozen=True)
class ImpactTable:
    """Categories in the order given."""

    categories: tuple[Category, ...]
    base: int
    """Rows of known membership, of which 2 % is the bound for leaving out."""
    highest: tuple[int, ...]
    """Positions of all categories that share the highest rate; empty when nobody was selected."""


def may_be_left_out(totals: Sequence[int], position: int) -> bool:
    """Whether the category has less than 2 % of the rows of its table."""
    return totals[position] < SMALL * sum(totals)


def impact_table(selected: Sequence[int], totals: Sequence[int], *, left_out: Collection[int] = ()) -> ImpactTable:
    """Rates and their ratios to the highest rate among the categories that are not left out.

    Raises MethodError for counts that do not fit and for a category left out that holds 2 % of the rows or more.
    """
    if len(selected) != len(totals) or any(not 0 <= s <= n for s, n in zip(selected, totals, strict=False)):
        raise MethodError("each category needs 0 <= selected <= total")
    for position in left_out:
        if not may_be_left_out(totals, position):
            raise MethodError(f"category {position} has {totals[position]} of {sum(totals)} rows, not less than 2 %")
    rates = [Fraction(s, n) if n else None for s, n in zip(selected, totals, strict=True)]
    included = {i: rate for i, rate in enumerate(rates) if rate is not None and i not in left_out}
    top = max(included.values(), default=Fraction(0))
    base = sum(totals)
    categories = tuple(
        Category(s, n, Fraction(n, base) if base else Fraction(0), rate, included[i] / top if top and i in included else None, i in left_out)
        for i, (s, n, rate) in enumerate(zip(selected, totals, rates, strict=True))
    )
    return ImpactTable(categories, base, tuple(i for i, rate in included.items() if top and rate == top))


@dataclass(frozen=True)
class AboveMedian:
    """Rows (n,) that score strictly above the median of the sample."""

    above: NDArray[np.bool_]
    median: float
    at_median: int
    """Rows of the sample that score exactly the median; many of them push all scoring rates below one half."""
    sample: int


def above_median(scores: NDArray[np.float64], sample: NDArray[np.bool_]) -> AboveMedian:
    """Which finite scores (n,) lie strictly above the median of those in `sample` (n,); others are False.

    Compared with the two middle values, so that rounding of their mean moves nobody. Raises MethodError for an empty sample.
    """
    held = scores[sample & np.isfinite(scores)]
    n = len(held)
    if n == 0:
        raise MethodError("the median needs at least one finite score")
    below, beyond = (float(value) for value in np.partition(held, [(n - 1) // 2, n // 2])[[(n - 1) // 2, n // 2]])
    with np.errstate(invalid="ignore"):
        above = scores >= beyond if below < beyond else scores > beyond
    at_median = int((held == beyond).sum()) if below == beyond else 0
    return AboveMedian(above & np.isfinite(scores), below / 2 + beyond / 2, at_median, n)


@dataclass(frozen=True)
class Disagreement:
    """A category whose total differs from the sum of its intersections."""

    axis: int
    """0 for the first attribute, 1 for the second."""
    position: int
    marginal: int
    summed: int


def disagreements(cells: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]) -> list[Disagreement]:
    """Where the totals `first` (a,) and `second` (b,) differ from the sums of the intersections `cells` (a, b)."""
    if cells.shape != (len(first), len(second)):
        raise MethodError(f"intersections have shape {cells.shape}, expected {(len(first), len(second))}")
    found = []
    for axis, marginal in enumerate((first, second)):
        summed = cells.sum(axis=1 - axis)
        found += [Disagreement(axis, int(i), int(marginal[i]), int(summed[i])) for i in np.flatnonzero(summed != marginal)]
    return found
