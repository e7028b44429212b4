"""What every reader of series hands on, and the rules all series follow: one end for all channels, no gaps, a common length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data_config import SeriesConfig
from audit.errors import DataError

LIMIT = 2**28
"""Numbers all series of a file may hold: 2 GiB."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SeriesValues:
    """`values` (n, channels, length) with NaN where a file has none, the channels' names, and one value for each series of other columns."""

    values: Floats
    channels: tuple[str, ...]
    others: Mapping[str, NDArray[Any]]
    names: NDArray[Any] | None = None
    """What each series is called (n,), texts; None where the file does not tell."""

    def called(self, place: int) -> str:
        """One series, as messages name it."""
        return f"series {place}" if self.names is None else f"series {str(self.names[place])!r}"

    def chosen(self, places: NDArray[np.int64]) -> SeriesValues:
        """The series at `places`, in that order."""
        others = {name: values[places] for name, values in self.others.items()}
        return SeriesValues(self.values[places], self.channels, others, None if self.names is None else self.names[places])


def stacked(path: Path, rows: list[list[Floats]], channels: int) -> Floats:
    """(n, channels, length of the longest) with NaN behind the shorter ones; raises DataError beyond `LIMIT` numbers."""
    length = max((len(part) for row in rows for part in row), default=0)
    within_limit(path, (len(rows), channels, length))
    values = np.full((len(rows), channels, length), np.nan)
    for place, row in enumerate(rows):
        for channel, part in enumerate(row):
            values[place, channel, : len(part)] = part
    return values


def within_limit(path: Path, shape: tuple[int, ...]) -> None:
    """Raise DataError where an array of `shape` would be too large."""
    if int(np.prod([int(size) for size in shape], dtype=object)) > LIMIT:
        raise DataError(f"{path}: {shape[0]:,} series of {shape[1]} channels and {shape[2]:,} steps are more than {LIMIT:,} numbers")


def channel_column(part: str, channel: str) -> str:
    """The column of a channel: of the same name, with that of its input before it where a network has several."""
    return f"{part} {channel}" if part else channel


def channel_names(path: Path, declared: tuple[str, ...], count: int) -> tuple[str, ...]:
    """The declared names, else ``channel 1``, …; raises DataError where their number is another."""
    if declared and len(declared) != count:
        raise DataError(f"{path}: the series have {count} channels; series.channels names {len(declared)}")
    return declared or tuple(f"channel {place + 1}" for place in range(count))


def fitted(path: Path, found: SeriesValues, config: SeriesConfig, *, key: str) -> Floats:
    """Values (n, channels, length) with NaN after the common end of a row's channels and nowhere else, cut to the declared length.

    `key` is the table of the audit file that says how they are read.
    """
    values = found.values
    if np.isinf(values).any():
        row, channel, step = (int(place[0]) for place in np.nonzero(np.isinf(values)))
        raise DataError(f"{path}: {found.called(row)}, channel {found.channels[channel]!r} is infinite at step {step}; inputs must be finite")
    there = ~np.isnan(values)
    ends = (there.any(axis=1) * np.arange(1, values.shape[2] + 1)).max(axis=1, initial=0)
    if (ends == 0).any():
        raise DataError(f"{path}: {found.called(int(np.flatnonzero(ends == 0)[0]))} has no values")
    within = np.arange(values.shape[2]) < ends[:, None]
    values = _filled(path, found, there, within, config, key)
    length = config.length or int(ends.max())
    return _cut(np.where(within[:, None], values, np.nan), ends, length, config.keep)


def _filled(  # noqa: PLR0917  what is there, and how it is told
    path: Path, found: SeriesValues, there: NDArray[np.bool_], within: NDArray[np.bool_], config: SeriesConfig, key: str
) -> Floats:
    """Gaps within a series by the declared policy."""
    gaps = within[:, None] & ~there
    if not gaps.any():
        return found.values
    if config.missing == "refuse":
        row, channel, step = (int(place[0]) for place in np.nonzero(gaps))
        raise DataError(
            f"{path}: {found.called(row)}, channel {found.channels[channel]!r} has no value at step {step} ({int(gaps.sum())} gaps in all); "
            f'declare {key}.missing = "previous" or "interpolate" to allow them'
        )
    values = found.values.copy()
    for row, channel in np.argwhere(gaps.any(axis=2)):
        values[row, channel] = _bridged(values[row, channel], there[row, channel], interpolate=config.missing == "interpolate")
        if np.isnan(values[row, channel][within[row]]).any():
            raise DataError(f"{path}: {found.called(int(row))}, channel {found.channels[channel]!r} has no values")
    return values


def _bridged(values: Floats, there: NDArray[np.bool_], *, interpolate: bool) -> Floats:
    """Gaps by the straight line between their ends, or by the value before; at the start by the first value."""
    known = np.flatnonzero(there)
    if not len(known):
        return values
    steps = np.arange(len(values))
    if interpolate:
        return np.asarray(np.interp(steps, known, values[known]))
    before = np.maximum(np.searchsorted(known, steps, side="right") - 1, 0)
    return np.asarray(values[known[before]])


def _cut(values: Floats, ends: NDArray[np.int64], length: int, keep: str) -> Floats:
    """The first or last `length` steps of each series, NaN behind them."""
    if values.shape[2] < length:
        return np.concatenate([values, np.full((*values.shape[:2], length - values.shape[2]), np.nan)], axis=2)
    if keep == "start":
        return values[:, :, :length]
    first = np.maximum(ends - length, 0)
    steps = np.minimum(first[:, None] + np.arange(length), values.shape[2] - 1)
    return np.where((np.arange(length) < (ends - first)[:, None])[:, None], np.take_along_axis(values, steps[:, None], axis=2), np.nan)
