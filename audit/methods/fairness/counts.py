"""Tables of counts of group × label × decision, exact integers in one pass over the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError
from audit.methods.statistics.intervals import Undefined
from audit.methods.statistics.proportions import Share

Codes = NDArray[np.integer]


def count_table(*codes: Codes, sizes: tuple[int, ...]) -> NDArray[np.int64]:
    """Number of rows for each combination of codes, shape (size + 1, …); the last position of each axis counts unknown (-1) codes.

    Raises MethodError for codes below -1 or at or above their size.
    """
    for code, size in zip(codes, sizes, strict=True):
        if len(code) and (code.min() < -1 or code.max() >= size):
            raise MethodError(f"codes run from {code.min()} to {code.max()}; expected -1 to {size - 1}")
    shape = tuple(size + 1 for size in sizes)
    flat = np.ravel_multi_index(tuple(np.where(c < 0, s, c).astype(np.int64) for c, s in zip(codes, sizes, strict=True)), shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)


@dataclass(frozen=True)
class Confusion:
    """Counts of decisions against labels of one group; positive is the favourable class."""

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    @property
    def total(self) -> int:
        """Rows with a known label."""
        return self.true_positives + self.false_positives + self.true_negatives + self.false_negatives


def rate(confusion: Confusion, name: str) -> Share | Undefined:
    """One rate of `RATES` as an exact share; Undefined, with what is missing, when its denominator is empty."""
    hits, base = RATES[name](confusion)
    return Share(hits, base, base) if base else Undefined(f"There are no {EMPTY[name]}.", confusion.total)


RATES = {
    "selection_rate": lambda c: (c.true_positives + c.false_positives, c.total),
    "true_positive_rate": lambda c: (c.true_positives, c.true_positives + c.false_negatives),
    "false_negative_rate": lambda c: (c.false_negatives, c.true_positives + c.false_negatives),
    "false_positive_rate": lambda c: (c.false_positives, c.false_positives + c.true_negatives),
    "true_negative_rate": lambda c: (c.true_negatives, c.false_positives + c.true_negatives),
    "positive_predictive_value": lambda c: (c.true_positives, c.true_positives + c.false_positives),
    "negative_predictive_value": lambda c: (c.true_negatives, c.true_negatives + c.false_negatives),
    "accuracy": lambda c: (c.true_positives + c.true_negatives, c.total),
}
"""Name to (numerator, denominator) as a function of the counts."""

EMPTY = {
    "selection_rate": "rows",
    "accuracy": "rows with a known label",
    "true_positive_rate": "rows with a favourable label",
    "false_negative_rate": "rows with a favourable label",
    "false_positive_rate": "rows with an unfavourable label",
    "true_negative_rate": "rows with an unfavourable label",
    "positive_predictive_value": "rows with a favourable decision",
    "false_discovery_rate": "rows with a favourable decision",
    "false_omission_rate": "rows with an unfavourable decision",
    "negative_predictive_value": "rows with an unfavourable decision",
}
"""What is missing when a denominator is empty."""
