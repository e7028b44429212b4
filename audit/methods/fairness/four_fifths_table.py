"""One row of a four-fifths table: where a group stands in the grid of size and chance, and how few decisions carry it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from audit.errors import MethodError
from audit.methods.fairness.flips import flips_to_reverse, shortfall, smallest_detectable_ratio
from audit.methods.fairness.four_fifths import grid
from audit.methods.statistics.intervals import Undefined

FOUR_FIFTHS = Fraction(4, 5)
Cell = Literal["below 4/5, beyond chance", "below 4/5, within chance", "at least 4/5, beyond chance", "at least 4/5, within chance"]
CELLS: dict[tuple[bool, bool], Cell] = {
    (True, True): "below 4/5, beyond chance",
    (True, False): "below 4/5, within chance",
    (False, True): "at least 4/5, beyond chance",
    (False, False): "at least 4/5, within chance",
}
"""(ratio below 4/5, p value below 0.05) to the name of the cell."""


@dataclass(frozen=True)
class Standing:
    """A group against its reference, in counts of persons."""

    ratio: Fraction
    below: bool
    """The ratio is below 4/5, in exact arithmetic."""
    p_value: float
    test: str
    flips_to_lift: int
    """One-for-one swaps after which the ratio is at least 4/5."""
    flips_to_reverse: int
    """One-for-one swaps after which the group's rate is at least the reference's."""
    shortfall: float
    """Persons of the group that would have been selected at the reference rate, less those that were."""
    detectable: float | Undefined
    """Ratio nearest 1 that a test of so many rows finds in 80 of 100 tries."""


def standing(selected: int, total: int, reference_selected: int, reference_total: int) -> Standing:
    """Counts of one group against the reference's; raises MethodError without rows, or with nobody selected in the reference."""
    if min(total, reference_total, reference_selected) <= 0:
        raise MethodError("a ratio needs rows in both groups and somebody selected in the reference")
    placed = grid(selected, total, reference_selected, reference_total, limit=FOUR_FIFTHS)
    rate = reference_selected / reference_total
    return Standing(
        ratio=Fraction(selected * reference_total, total * reference_selected),
        below=placed.below,
        p_value=placed.p_value,
        test=placed.test,
        flips_to_lift=placed.flips,
        flips_to_reverse=flips_to_reverse(selected, total, reference_selected, reference_total),
        shortfall=shortfall(selected, total, rate),
        detectable=smallest_detectable_ratio(total, reference_total, rate),
    )


def cell(*, below: bool, p_value: float, level: float = 0.05) -> Cell:
    """The cell of the grid; a p value equal to `level` is within chance."""
    return CELLS[below, p_value < level]
