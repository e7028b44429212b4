"""`SeriesDataset`: series of numbers with their labels and groups, from npz arrays, a long table, or a .ts file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.dataset import RowBlock
from audit.data.long_table import read_long_table
from audit.data.series_archive import read_archive
from audit.data.series_values import SeriesValues, channel_column, fitted
from audit.data.ts_file import read_ts
from audit.data_config import SeriesConfig
from audit.errors import DataError


@dataclass(frozen=True)
class SeriesDataset:
    """Series as a `Dataset`, all in memory; made by `open_series` or `series_of_rows`. Each channel is a column (n, length), NaN after the end."""

    path: Path
    name: str
    values: NDArray[np.float64]
    """(n, channels, length)."""
    channels: tuple[str, ...]
    others: Mapping[str, NDArray[Any]]
    digest: str
    part: str = ""
    """The input of a network with several that the series are for; its name goes before that of the channel in the names of the columns."""

    @property
    def n_rows(self) -> int:
        """Number of series."""
        return len(self.values)

    @property
    def length(self) -> int:
        """Steps of the longest series."""
        return int(self.values.shape[2])

    @property
    def ends(self) -> bool:
        """Whether a series is shorter than the longest."""
        return bool(np.isnan(self.values[:, 0, -1]).any())

    def lengthened(self, length: int) -> SeriesDataset:
        """The same series with room for `length` steps."""
        more = np.full((self.n_rows, len(self.channels), length - self.length), np.nan)
        return replace(self, values=np.concatenate([self.values, more], axis=2)) if more.size else self

    @property
    def columns(self) -> Sequence[str]:
        """All columns that can be read."""
        return (*(channel_column(self.part, name) for name in self.channels), *self.others)

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """Rows in order, `size` at a time (the last block may be shorter)."""
        for start in range(0, self.n_rows, size):
            yield self.take(np.arange(start, min(start + size, self.n_rows), dtype=np.int64))

    def take(self, positions: NDArray[np.int64]) -> RowBlock:
        """The rows at sorted, unique `positions`."""
        channels = {channel_column(self.part, name): self.values[positions, place] for place, name in enumerate(self.channels)}
        return RowBlock(positions, {**channels, **{name: values[positions] for name, values in self.others.items()}})


def open_series(path: Path, *, name: str, config: SeriesConfig, extra: Sequence[str], optional: Sequence[str] = ()) -> SeriesDataset:
    """The series of a file, cut to `config.length`, with the `extra` columns, one value for each series, and those `optional` ones it has.

    Raises DataError for a file or column that is not there, a channel without values, a gap within a series unless `config.missing` says what
    stands there, an infinite value, and columns that change within a series.
    """
    found = _read(path, config, extra, optional)
    if not len(found.values):
        raise DataError(f"{path}: there are no series")
    values = fitted(path, found, config, key="data.series")
    return SeriesDataset(path, name, values, found.channels, found.others, series_digest(values, found))


def _read(path: Path, config: SeriesConfig, extra: Sequence[str], optional: Sequence[str]) -> SeriesValues:
    ending = path.name.lower()
    if ending.endswith(".ts"):
        return read_ts(path, channels=config.channels, extra=extra, optional=optional)
    if ending.endswith(".npz"):
        return read_archive(path, array=config.array, layout=config.layout, channels=config.channels, extra=extra, optional=optional)
    if config.by is None or config.step is None or not config.channels:
        raise DataError(f"{path}: a table of series needs data.series.by, step and channels: the columns of the series' name, order and values")
    return read_long_table(path, by=config.by, step=config.step, channels=config.channels, extra=extra, optional=optional)


def series_digest(values: NDArray[np.float64], found: SeriesValues) -> str:
    """sha256 of values, channels and other columns; hexadecimal."""
    digest = hashlib.sha256(repr((values.shape, found.channels)).encode())
    digest.update(np.ascontiguousarray(values).tobytes())
    for name, column in found.others.items():
        content = column.tobytes() if column.dtype.kind == "f" else "\0".join(repr(value) for value in column).encode()
        digest.update(f"\0{name}\0{column.dtype.kind}\0".encode() + content)
    return digest.hexdigest()
