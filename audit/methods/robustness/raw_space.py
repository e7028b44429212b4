"""Raw radii, bounds and directions of change as a neighbourhood of encoded rows, and distances in units of the raw radii."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from audit.data.dataset import RowBlock
from audit.methods.robustness.entries import ColumnEntries, column_changes, present
from audit.methods.robustness.neighbourhood import Neighbourhood, neighbourhood

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Radii:
    """Per raw column: `radius` (columns,) and the range `low` to `high` that a change may use, in raw units; 0 radius holds a column."""

    radius: Floats
    low: Floats
    high: Floats


def raw_space(
    start: NDArray[Any], rows: RowBlock, entries: Sequence[ColumnEntries], radii: Radii, *, tensor: Callable[[NDArray[Any]], Tensor], cost: float
) -> Neighbourhood:
    """The neighbourhood of encoded rows `start` (n, d). Missing and immutable values stay; columns of levels take `cost` radii to change.

    `tensor` puts an array where the network is.
    """
    low, high, reach = start.astype(np.float64), start.astype(np.float64), np.zeros(start.shape)
    mutable, step = np.zeros(start.shape, dtype=np.bool_), np.zeros(start.shape[1])
    for one, size, least, most in zip(entries, radii.radius, radii.low, radii.high, strict=True):
        where = one.entries
        mutable[:, where] = present(one.column, rows) & (not one.column.immutable)
        if len(where) and not one.of_levels:
            room = _room(one, rows, float(least), float(most))
            low[:, where], high[:, where] = start[:, where] + room.min(axis=0), start[:, where] + room.max(axis=0)
            reach[:, where] = size * np.abs(one.slope)
            step[where] = np.abs(one.slope) if one.column.integer else 0.0
    return neighbourhood(
        tensor(start),
        low=tensor(low),
        high=tensor(high),
        radius=tensor(reach),
        mutable=tensor(mutable),
        step=tensor(step),
        choices=[(one.entries.tolist(), tensor(one.codes)) for one in entries if one.of_levels and len(one.entries)],
        cost=cost,
    )


def raw_distance(entries: Sequence[ColumnEntries], before: RowBlock, after: RowBlock, radii: Radii, *, cost: float) -> Floats:
    """Largest change of any raw value in units of its radius, (n,); infinite where a held or immutable value changed."""
    largest = np.zeros(len(before))
    for one, size in zip(entries, radii.radius, strict=True):
        change = np.abs(column_changes(one, before, after)).max(axis=1, initial=0.0)
        unit = 0.0 if one.column.immutable else 1 / cost if one.of_levels else float(size)
        moved = (change > 0).astype(np.float64) if one.of_levels else change
        largest = np.maximum(largest, np.divide(moved, unit, out=np.where(moved > 0, np.inf, 0.0), where=unit > 0))
    return largest


def _room(one: ColumnEntries, rows: RowBlock, least: float, most: float) -> Floats:
    """(2, n, w): how far the entries may go down and up from where they are, by bounds and direction."""
    raw = np.nan_to_num(rows.values[one.column.name].astype(np.float64).reshape(len(rows), -1))
    down = np.minimum(least - raw, 0.0) if one.column.direction != "increase" else np.zeros_like(raw)
    up = np.maximum(most - raw, 0.0) if one.column.direction != "decrease" else np.zeros_like(raw)
    return np.asarray(np.stack([down * one.slope, up * one.slope]))
