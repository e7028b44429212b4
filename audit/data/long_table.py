"""Reads series from a table with one row for each step: a column names the series, another orders its steps, others hold the values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from audit.data import canonical
from audit.data.files import arrow_schema, stream
from audit.data.series_values import LIMIT, SeriesValues, within_limit
from audit.errors import DataError, nearest


def read_long_table(path: Path, *, by: str, step: str, channels: tuple[str, ...], extra: Sequence[str], optional: Sequence[str]) -> SeriesValues:
    """Series in the order in which they first occur, steps by `step`; other columns must have one value throughout a series.

    Raises DataError for a column that is not there, a step that is no number or date or occurs twice in a series, values that are no
    numbers, and a column that changes within a series.
    """
    names = arrow_schema(path).names
    others = [*extra, *(name for name in optional if name in names)]
    for name in (by, step, *channels, *others):
        if name not in names:
            raise DataError(f"{path}: there is no column {name!r}: {nearest(name, names)}")
    table = _table(path, list(dict.fromkeys([by, step, *channels, *others])))
    owner, found = pd.factorize(_names(table.column(by).combine_chunks()))
    if (owner < 0).any():
        raise DataError(f"{path}: column {by!r} names no series in row {int(np.flatnonzero(owner < 0)[0])}")
    times = _times(path, step, table.column(step).combine_chunks())
    order = np.lexsort((times, owner))
    owner, times = owner[order], times[order]
    double = (np.diff(owner) == 0) & (np.diff(times) == 0)
    if double.any():
        place = int(np.flatnonzero(double)[0])
        raise DataError(f"{path}: series {str(found[owner[place]])!r} has two rows for one {step!r}")
    counts = np.bincount(owner, minlength=len(found))
    series = {int(first): str(one) for first, one in zip(np.cumsum(counts) - counts, found, strict=True)}
    within_limit(path, (len(found), len(channels), int(counts.max(initial=0))))
    values = np.full((len(found), len(channels), int(counts.max(initial=0))), np.nan)
    steps = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    for place, name in enumerate(channels):
        values[owner, place, steps] = _numbers(path, name, table.column(name).combine_chunks())[order]
    constant = {name: _constant(path, table.column(name).combine_chunks(), name, order, series) for name in others}
    return SeriesValues(values, channels, constant, np.asarray(found, dtype=object))


def _table(path: Path, columns: list[str]) -> pa.Table:
    batches, rows = [], 0
    for batch in stream(path, columns):
        rows += batch.num_rows
        if rows > LIMIT:
            raise DataError(f"{path}: more than {LIMIT:,} rows")
        batches.append(batch)
    if not rows:
        raise DataError(f"{path}: the table has no rows")
    return pa.Table.from_batches(batches)


def _names(column: pa.Array) -> NDArray[Any]:
    """What the series are called; whole numbers alike however they were stored."""
    try:
        canonical.numbers(column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return canonical.object_array(canonical.texts(column))
    return canonical.object_array(canonical.texts(column, numeric=True))


def _numbers(path: Path, name: str, column: pa.Array) -> NDArray[np.float64]:
    try:
        return canonical.float_array(canonical.numbers(column))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError(f"{path}: column {name!r} holds values that are not numbers") from None


def _times(path: Path, name: str, column: pa.Array) -> NDArray[np.float64]:
    """Numbers as they are, dates as nanoseconds."""
    try:
        found = canonical.float_array(canonical.numbers(column))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        dates = pd.to_datetime(pd.Series(column.to_pylist()), errors="coerce", utc=True, format="ISO8601")
        found = np.where(dates.isna(), np.nan, dates.astype("int64").to_numpy().astype(np.float64))
    if np.isnan(found).any():
        raise DataError(f"{path}: column {name!r} is neither number nor date in row {int(np.flatnonzero(np.isnan(found))[0])}")
    return found


def _constant(path: Path, column: pa.Array, name: str, order: NDArray[np.int64], series: dict[int, str]) -> NDArray[Any]:
    """The one value of each series; `series` has the place of its first row in `order` and its name."""
    try:
        values: NDArray[Any] = canonical.float_array(canonical.numbers(column))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        values = canonical.object_array(canonical.texts(column))
    first = np.array(list(series), dtype=np.int64)
    codes = pd.factorize(values)[0][order]
    own = np.repeat(codes[first], np.diff([*first, len(order)]))
    differs = np.flatnonzero(codes != own)
    if len(differs):
        place = first[np.searchsorted(first, differs[0], side="right") - 1]
        raise DataError(f"{path}: column {name!r} changes within series {series[int(place)]!r}; it must have one value for each series")
    held: NDArray[Any] = values[order][first]
    return held
