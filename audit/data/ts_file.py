"""Reads ``.ts`` files, as the archives of time-series classification publish them: channels by colons, values by commas, the class last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.series_values import LIMIT, SeriesValues, channel_names, stacked
from audit.errors import DataError, nearest

LABEL = "class"
"""Name of the column that holds the class, or the target, of each series."""
POSITION = "position"
"""Name of the column that numbers the series from 0, as text."""


def read_ts(path: Path, *, channels: tuple[str, ...], extra: Sequence[str], optional: Sequence[str]) -> SeriesValues:
    """All series of the file, with the columns ``class`` and ``position`` where they are asked for.

    Raises DataError for a file that is not there or is no such file, time stamps, and series that differ in their number of channels.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    if path.stat().st_size > 16 * LIMIT:
        raise DataError(f"{path}: the file is larger than {16 * LIMIT / 2**30:.0f} GiB")
    try:
        with path.open(encoding="utf-8") as file:
            lines = (line.strip() for line in file)
            labelled, target = _header(path, lines)
            rows = list(_rows(path, lines, labelled=labelled))
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: cannot be read as ts: {str(error).splitlines()[0]}") from None
    counts = {len(values) for values, _ in rows}
    if len(counts) > 1:
        raise DataError(f"{path}: series have {min(counts)} to {max(counts)} channels; all must have as many")
    count = counts.pop() if counts else 0
    named = {POSITION: np.array([str(place) for place in range(len(rows))], dtype=object)}
    if labelled:
        named[LABEL] = _labels(path, [label for _, label in rows], target=target)
    missing = [name for name in extra if name not in named]
    if missing:
        raise DataError(f"{path}: there is no column {missing[0]!r}: {nearest(missing[0], tuple(named))}")
    wanted = {*extra, *optional}
    others = {name: column for name, column in named.items() if name in wanted}
    return SeriesValues(stacked(path, [values for values, _ in rows], count), channel_names(path, channels, count), others)


def _header(path: Path, lines: Iterator[str]) -> tuple[bool, bool]:
    """Whether each series ends in a class or target, and whether that is a number to be predicted."""
    told: dict[str, str] = {}
    for line in lines:
        if line.lower() == "@data":
            break
        if line.startswith("@"):
            key, _, value = line[1:].partition(" ")
            told[key.lower()] = value.strip().lower()
        elif line and not line.startswith("#"):
            raise DataError(f"{path}: cannot be read as ts: expected a line that starts with @ or #, found {line[:40]!r}")
    else:
        raise DataError(f"{path}: cannot be read as ts: there is no line @data")
    if told.get("timestamps", "false").startswith("true"):
        raise DataError(f"{path}: the file has time stamps; only values in order are read")
    target = told.get("targetlabel", "false").startswith("true")
    return told.get("classlabel", "false").startswith("true") or target, target


def _rows(path: Path, lines: Iterator[str], *, labelled: bool) -> Iterator[tuple[list[NDArray[np.float64]], str]]:
    size = 0
    for number, line in enumerate(lines):
        if not line or line.startswith("#"):
            continue
        parts = line.split(":")
        label = parts.pop() if labelled else ""
        if not parts:
            raise DataError(f"{path}: series {number} after @data has no values")
        try:
            values = [np.array([np.nan if item in {"?", "NaN", "nan"} else float(item) for item in part.split(",")]) for part in parts]
        except ValueError as error:
            raise DataError(f"{path}: series {number} after @data: {str(error)[:100]}") from None
        size += sum(len(part) for part in values)
        if size > LIMIT:
            raise DataError(f"{path}: the series hold more than {LIMIT:,} numbers")
        yield values, label.strip()


def _labels(path: Path, labels: list[str], *, target: bool) -> NDArray[Any]:
    if not target:
        return np.array([label or None for label in labels], dtype=object)
    try:
        return np.array([float(label) for label in labels])
    except ValueError as error:
        raise DataError(f"{path}: a target is no number: {str(error)[:100]}") from None
