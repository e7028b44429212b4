"""Which entries each raw column fills and how, read off the encoder by encoding a few rows; and the way back from entries to raw values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.batch import Batch
from audit.data.dataset import ColumnSchema, RowBlock, Schema

Floats = NDArray[np.float64]
Encode = Callable[[RowBlock], Batch]


@dataclass(frozen=True)
class ColumnEntries:
    """`entries` (w,) of one column. Numbers have `slope` (w,), entry per raw unit; columns of levels have `codes` (levels, w)."""

    column: ColumnSchema
    entries: NDArray[np.int64]
    slope: Floats
    codes: NDArray[Any]

    @property
    def of_levels(self) -> bool:
        """Whether it holds one of several levels."""
        return len(self.column.levels) > 0


def read_entries(schema: Schema, encode: Encode, row: RowBlock, low: Floats, high: Floats) -> tuple[ColumnEntries, ...]:
    """Encode variants of the first row of `row`: each level, or the values `low` and `high` (columns,) between which a column is linear."""
    found = []
    for column, one, other in zip(schema.columns, low, high, strict=True):
        values = variants(column, row, float(one), float(other))
        encoded = _encoded(encode, row, column.name, values)
        entries = np.flatnonzero((encoded != encoded[0]).any(axis=0)).astype(np.int64)
        part = encoded[:, entries]
        if column.levels:
            found.append(ColumnEntries(column, entries, np.zeros(len(entries)), part))
        else:
            slope = (part[1].astype(np.float64) - part[0]) / (_ends(float(one), float(other))[1] - one)
            found.append(ColumnEntries(column, entries, slope, part[:0]))
    return tuple(found)


def variants(column: ColumnSchema, row: RowBlock, low: float, high: float) -> NDArray[Any]:
    """Raw values to encode: all levels, or two different numbers."""
    if column.levels:
        return np.array(column.levels, dtype=object)
    ends = np.array(_ends(low, high))
    if column.kind not in ("image", "series"):
        return ends
    shape = row.values[column.name].shape[1:]
    return np.broadcast_to(ends.reshape(-1, *(1 for _ in shape)), (2, *shape)).astype(np.float32)


def present(column: ColumnSchema, rows: RowBlock) -> NDArray[np.bool_]:
    """Where a value is not missing, (n, 1), or (n, length) for a channel of a series."""
    values = rows.values[column.name]
    if column.kind == "image":
        return np.ones((len(rows), 1), dtype=np.bool_)
    if column.kind == "series":
        return np.asarray(~np.isnan(values))
    if values.dtype == object:
        return np.array([value is not None for value in values], dtype=np.bool_)[:, None]
    return np.asarray(~np.isnan(values.astype(np.float64)))[:, None]


def to_raw(found: Sequence[ColumnEntries], rows: RowBlock, start: Floats, changed: Floats, *, low: Floats, high: Floats) -> RowBlock:
    """Raw rows for `changed` (n, d), which began as `start` (n, d); values whose entries did not change stay as they are."""
    values = dict(rows.values)
    for one, least, most in zip(found, low, high, strict=True):
        if len(one.entries):
            before, after = start[:, one.entries], changed[:, one.entries]
            values[one.column.name] = (
                _levels(one, rows, before, after) if one.of_levels else _numbers(one, rows, before, after, bounds=(float(least), float(most)))
            )
    return RowBlock(rows.positions, values)


def raw_changes(found: Sequence[ColumnEntries], before: RowBlock, after: RowBlock, owner: NDArray[np.int64], players: int) -> Floats:
    """Change per player (n, players) in raw units, for levels in positions; of a player with several raw values the largest change.

    `owner` is the player of each entry, (entries,), or (n, entries) where every row has its own.
    """
    if owner.ndim > 1:
        each = [raw_changes(found, _row(before, at), _row(after, at), own, players) for at, own in enumerate(owner)]
        return np.concatenate([np.zeros((0, players)), *each])
    changes = np.zeros((len(before), players))
    for one in found:
        if len(one.entries):
            amount = column_changes(one, before, after)
            for player in np.unique(owner[one.entries]):
                mine = amount[:, owner[one.entries] == player] if amount.shape[1] == len(one.entries) else amount
                changes[:, player] = np.take_along_axis(mine, np.abs(mine).argmax(axis=1)[:, None], axis=1)[:, 0]
    return changes


def _row(rows: RowBlock, at: int) -> RowBlock:
    return RowBlock(rows.positions[at : at + 1], {name: values[at : at + 1] for name, values in rows.values.items()})


def column_changes(one: ColumnEntries, before: RowBlock, after: RowBlock) -> Floats:
    """Change of one column in raw units, in positions for levels: (n, 1), or (n, pixels) for images."""
    old, new = before.values[one.column.name], after.values[one.column.name]
    if one.of_levels:
        place = {level: position for position, level in enumerate(one.column.levels)}
        moved = [place.get(b, 0) - place.get(a, 0) if a != b else 0 for a, b in zip(old, new, strict=True)]
        return np.array(moved, dtype=np.float64)[:, None]
    difference = np.nan_to_num(new.astype(np.float64) - old.astype(np.float64))
    return np.asarray(difference.reshape(len(before), -1))


def _numbers(one: ColumnEntries, rows: RowBlock, before: Floats, after: Floats, *, bounds: tuple[float, float]) -> NDArray[Any]:
    raw = rows.values[one.column.name]
    flat = raw.astype(np.float64).reshape(len(rows), -1)
    moved = flat + (after - before) / one.slope if flat.shape[1] == len(one.entries) else flat + ((after - before) / one.slope)[:, :1]
    if one.column.integer:
        moved = flat + np.rint(moved - flat)
    moved = np.clip(moved, np.fmin(flat, bounds[0]), np.fmax(flat, bounds[1]))
    still = (after == before) if flat.shape[1] == len(one.entries) else (after == before).all(axis=1)[:, None]
    return np.where(still, flat, moved).reshape(raw.shape).astype(raw.dtype)


def _levels(one: ColumnEntries, rows: RowBlock, before: Floats, after: Floats) -> NDArray[Any]:
    nearest = np.square(after[:, None, :] - one.codes).sum(axis=2).argmin(axis=1)
    words = np.array(one.column.levels, dtype=object)[nearest]
    return np.where((after == before).all(axis=1), rows.values[one.column.name], words)


def _ends(low: float, high: float) -> tuple[float, float]:
    return (low, high) if high > low else (low, low + 1.0)


def _encoded(encode: Encode, row: RowBlock, name: str, values: NDArray[Any]) -> NDArray[Any]:
    count = len(values)
    held = {key: np.repeat(column[:1], count, axis=0) for key, column in row.values.items()} | {name: values}
    return np.asarray(encode(RowBlock(np.repeat(row.positions[:1], count), held)).values.reshape(count, -1))
