"""Which columns make a row unusual: how far out its value lies in each, against reference rows, one column at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.errors import MethodError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NumberColumn:
    """Sorted known reference values of a column of numbers, and how many reference rows there are with and without a value."""

    values: Floats
    rows: int


@dataclass(frozen=True)
class LevelColumn:
    """Levels of a column of texts and, for each, the reference rows whose level is at most as common; missing is a level of its own."""

    levels: tuple[str, ...]
    at_most: NDArray[np.int64]
    missing: int
    """Reference rows whose level is at most as common as a missing one; 0 when none is missing."""
    rows: int


def number_column(values: Floats) -> NumberColumn:
    """The reference of a column (n,) of numbers, NaN for missing; raises MethodError without rows."""
    if len(values) == 0:
        raise MethodError("a column needs reference rows")
    return NumberColumn(np.sort(values[~np.isnan(values)]), len(values))


def level_column(values: NDArray[Any]) -> LevelColumn:
    """The reference of a column (n,) of ``str | None``; raises MethodError without rows."""
    if len(values) == 0:
        raise MethodError("a column needs reference rows")
    codes, levels = pd.factorize(np.asarray(values, dtype=object))
    counts = np.bincount(codes + 1, minlength=len(levels) + 1)
    at_most = np.array([counts[counts <= count].sum() for count in counts], dtype=np.int64)
    return LevelColumn(tuple(str(level) for level in levels), at_most[1:], int(at_most[0]), len(values))


def tail_probability(column: NumberColumn | LevelColumn, values: NDArray[Any]) -> Floats:
    """Share of reference rows at least as far out as each value (n,), the row itself counted, in (0, 1].

    Numbers: twice the smaller of (1 + #{reference <= x}) / (m + 1) and (1 + #{reference >= x}) / (m + 1), at most 1, over the m known
    reference values; a missing number (1 + #missing) / (rows + 1). Texts: (1 + rows whose level is at most as common) / (rows + 1).
    """
    return _numbers(column, values) if isinstance(column, NumberColumn) else _levels(column, values)


def surprise(column: NumberColumn | LevelColumn, values: NDArray[Any]) -> Floats:
    """-ln of `tail_probability`, (n,), in nats: 0 for a usual value, larger the farther out; at most ln(rows + 1)."""
    surprised: Floats = -np.log(tail_probability(column, values))
    return surprised + 0.0


def _numbers(column: NumberColumn, values: Floats) -> Floats:
    m = len(column.values)
    below = 1.0 + np.searchsorted(column.values, values, side="right")
    above = 1.0 + m - np.searchsorted(column.values, values, side="left")
    known = np.minimum(1.0, 2.0 * np.minimum(below, above) / (m + 1.0))
    missing = (1.0 + column.rows - m) / (column.rows + 1.0)
    return np.where(np.isnan(values), missing, known)


def _levels(column: LevelColumn, values: NDArray[Any]) -> Floats:
    table = pd.Series(column.at_most, index=list(column.levels), dtype=np.int64)
    found = pd.Series(np.asarray(values, dtype=object)).map(table).to_numpy(dtype=np.float64, na_value=0.0)
    counted = np.where(pd.isna(values), float(column.missing), found)
    share: Floats = (1.0 + counted) / (column.rows + 1.0)
    return share
