"""Groups held against a reference group: which one, and by how much they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.methods.statistics.intervals import Estimate, Undefined
from audit.methods.statistics.proportions import Share, equality_p, newcombe_difference, ratio_interval

FEWEST_COMPARED = 5
"""Groups with fewer rows are shown by their counts and not compared."""


@dataclass(frozen=True)
class Comparison:
    """Difference and ratio of one group's share to the reference's, and the test that they are equal."""

    difference: Estimate
    ratio: Estimate
    p_value: float | None
    test: str
    rows: int
    """Rows of the smaller side."""


def compare(group: Share, reference: Share, *, confidence: float = 0.95) -> Comparison:
    """`group` against `reference`; undefined, with the reason, when either has fewer than five rows in the denominator."""
    rows = min(group.rows, reference.rows)
    if rows < FEWEST_COMPARED:
        side = "the group" if group.rows <= reference.rows else "the reference group"
        reason = Undefined(f"There are {rows} rows in {side}, too few to compare (at least {FEWEST_COMPARED}).", rows)
        return Comparison(reason, reason, None, "", rows)
    p_value, test = equality_p(group, reference)
    difference = newcombe_difference(group, reference, confidence=confidence)
    return Comparison(difference, ratio_interval(group, reference, confidence=confidence), p_value, test, rows)


def highest_rate(shares: Sequence[Share], *, fewest_rows: int) -> int | None:
    """Position of the highest share among groups of at least `fewest_rows` rows, else of at least five; the larger group wins a tie."""
    for fewest in (fewest_rows, FEWEST_COMPARED):
        held = [i for i, share in enumerate(shares) if share.rows >= fewest and share.total > 0]
        if held:
            return max(held, key=lambda i: (shares[i].value, shares[i].rows))
    return None


def largest_group(rows: Sequence[int]) -> int | None:
    """Position of the group with most rows, the first of equals; None when no group has rows."""
    best = max(range(len(rows)), key=lambda i: rows[i], default=None)
    return best if best is not None and rows[best] > 0 else None
