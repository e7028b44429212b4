"""Reads series from an npz file: one array of values, and one-dimensional arrays with a value for each series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.canonical import canonical_text
from audit.data.npz_file import array_column, array_names, read_arrays
from audit.data.series_values import SeriesValues, channel_names, within_limit
from audit.errors import DataError


def read_archive(
    path: Path, *, array: str, layout: str, channels: tuple[str, ...], extra: Sequence[str], optional: Sequence[str], by: str | None = None
) -> SeriesValues:
    """Values (n, length), (n, channels, length) for layout ``"nct"`` or (n, length, channels) for ``"ntc"``; NaN where a series has ended.

    The array `by` names the series. Raises DataError for arrays that are absent, of another shape or length, or no numbers.
    """
    present = set(array_names(path)) if optional else set()
    others = [*extra, *(name for name in optional if name in present)]
    held = read_arrays(path, list(dict.fromkeys([array, *others, *([] if by is None else [by])])))
    values = held.pop(array)
    if values.ndim not in (2, 3) or values.dtype.kind not in "buif":
        raise DataError(f"{path}: array {array!r} is {values.dtype} of shape {values.shape}; expected numbers (n, steps) or (n, channels, steps)")
    values = values[:, None] if values.ndim == 2 else values.transpose(0, 2, 1) if layout == "ntc" else values
    within_limit(path, values.shape)
    for name, column in held.items():
        if column.shape != (len(values),):
            raise DataError(f"{path}: array {name!r} has shape {column.shape}; expected ({len(values)},), one value for each series")
    columns = {name: array_column(column) for name, column in held.items()}
    names = None if by is None else _texts(columns[by])
    kept = {name: columns[name] for name in others}
    return SeriesValues(values.astype(np.float64), channel_names(path, channels, values.shape[1]), kept, names)


def _texts(column: NDArray[Any]) -> NDArray[Any]:
    return np.array([None if value is None or value != value else canonical_text(value) for value in column], dtype=object)  # noqa: PLR0124  NaN
