"""Mean, deviation, median, range and commonest level of reference columns, streamed in blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.data.dataset import Dataset, Schema
from audit.errors import DataError

_BLOCK = 65_536


@dataclass(frozen=True)
class ColumnStatistics:
    """Statistics of the values that are not missing; numeric fields are 0 for a column of levels."""

    mean: float = 0.0
    deviation: float = 0.0
    """Population standard deviation (divisor n)."""
    median: float = 0.0
    minimum: float = 0.0
    maximum: float = 0.0
    commonest: str = ""
    """Most frequent level, the first in sorted order among equals; empty for a numeric column."""


def column_statistics(reference: Dataset, schema: Schema, columns: Sequence[str]) -> dict[str, ColumnStatistics]:
    """Statistics of the named columns; one float64 per row of a column with a median is held. Raises DataError when all is missing."""
    medians = {name for name in columns if schema[name].missing == "median"}
    numeric = {name: _Moments(name in medians) for name in columns if schema[name].kind == "numeric"}
    levels: dict[str, Counter[str]] = {name: Counter() for name in columns if name not in numeric}
    for block in reference.blocks(_BLOCK):
        for name, moments in numeric.items():
            moments.add(block.values[name])
        for name, counter in levels.items():
            counter.update(_counts(block.values[name]))
    for name in columns:
        if not (numeric[name].count if name in numeric else levels[name]):
            raise DataError(f"column {name!r} is missing in every row of the {reference.name} data")
    found = {name: moments.statistics() for name, moments in numeric.items()}
    return found | {name: ColumnStatistics(commonest=min(c, key=lambda k: (-c[k], k))) for name, c in levels.items()}


def _counts(values: NDArray[Any]) -> dict[str, int]:
    codes, found = pd.factorize(values)
    counts = np.bincount(codes[codes >= 0], minlength=len(found))
    return {str(level): int(count) for level, count in zip(found, counts, strict=True)}


@dataclass
class _Moments:
    """Partial sums merged after Chan, Golub and LeVeque (1983), doi:10.1080/00031305.1983.10483115."""

    keep: bool
    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    minimum: float = np.inf
    maximum: float = -np.inf
    kept: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, values: NDArray[Any]) -> None:
        """Take in one block; missing values are left out."""
        values = values[~np.isnan(values)]
        if len(values) == 0:
            return
        mean = float(values.mean())
        total = self.count + len(values)
        step = mean - self.mean
        self.squares += float(((values - mean) ** 2).sum()) + step**2 * self.count * len(values) / total
        self.mean += step * len(values) / total
        self.count = total
        self.minimum, self.maximum = min(self.minimum, float(values.min())), max(self.maximum, float(values.max()))
        if self.keep:
            self.kept.append(values)

    def statistics(self) -> ColumnStatistics:
        """What was taken in."""
        median = float(np.median(np.concatenate(self.kept))) if self.kept else 0.0
        deviation = 0.0 if self.minimum == self.maximum else float(np.sqrt(self.squares / self.count))
        return ColumnStatistics(self.mean, deviation, median, self.minimum, self.maximum)
