"""`series_of_rows`: the series in a file of their own that belong to the rows of a table, by id or in the order of the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.data.dataset import Dataset
from audit.data.files import arrow_schema
from audit.data.long_table import read_long_table
from audit.data.npz_file import array_names
from audit.data.series import SeriesDataset, series_digest
from audit.data.series_archive import read_archive
from audit.data.series_values import SeriesValues, fitted
from audit.data.ts_file import read_ts
from audit.data_config import SeriesConfig
from audit.errors import ConfigError, DataError

READ = 65_536
"""Rows whose ids are read at a time."""


def series_of_rows(path: Path, table: Dataset, *, part: str, id_column: str | None, config: SeriesConfig) -> SeriesDataset:
    """The series of the file at `path` for the input `part`, one for each row of `table` and in its order.

    Series of a long table, and of an npz file that names them, belong to the row with the same id in `id_column`; others that the file holds
    are left out. Without names the file has one series for each row, in the order of the rows. Raises ConfigError where a long table has no
    ids to go by, DataError for rows without a series or without steps, ids that are missing or occur twice, and numbers that do not fit.
    """
    found = _read(path, config, part, id_column)
    if found.names is None:
        if len(found.values) != table.n_rows:
            ids = "data.id" if id_column is None else repr(id_column)
            raise DataError(
                f"{path}: {len(found.values):,} series for the {table.n_rows:,} rows of data.{table.name}; "
                f"expected one for each row, in their order, or an array of an npz file that names them by {ids}"
            )
    else:
        found = found.chosen(_places(path, found.names, table, id_column or ""))
    values = fitted(path, found, config, key=_key(part))
    return SeriesDataset(path, table.name, values, found.channels, {}, series_digest(values, found), part)


def _key(part: str) -> str:
    return f"data.parts.{part}.series"


def _read(path: Path, config: SeriesConfig, part: str, id_column: str | None) -> SeriesValues:
    ending = path.name.lower()
    if ending.endswith(".ts"):
        return read_ts(path, channels=config.channels, extra=(), optional=())
    if ending.endswith(".npz"):
        by = config.by or (id_column if id_column in array_names(path) else None)
        return read_archive(path, array=config.array, layout=config.layout, channels=config.channels, extra=(), optional=(), by=by)
    if id_column is None:
        raise ConfigError(f"{path}: series of a long table belong to the row with the same id; declare data.id, the column that holds it")
    by = config.by or id_column
    if by not in arrow_schema(path).names:
        raise DataError(f"{path}: there is no column {by!r} to find the series of a row by; name it with {_key(part)}.by")
    if config.step is None or not config.channels:
        raise ConfigError(f"{path}: a long table needs {_key(part)}.step and channels: the columns of the series' order and values")
    return read_long_table(path, by=by, step=config.step, channels=config.channels, extra=(), optional=())


def _places(path: Path, names: NDArray[Any], table: Dataset, id_column: str) -> NDArray[np.int64]:
    """Place of the series of each row."""
    _refuse_repeated(f"{path}: the names of the series", names)
    if id_column not in table.columns:
        raise DataError(f"data.{table.name} has no column {id_column!r} (data.id) to find its series in {path} by")
    ids = np.concatenate([block.values[id_column] for block in table.blocks(READ)])
    _refuse_repeated(f"data.{table.name}: the ids in column {id_column!r}", ids)
    places = pd.Index(names).get_indexer(pd.Index(ids))
    missing = np.flatnonzero(places < 0)
    if len(missing):
        first = int(missing[0])
        raise DataError(
            f"{path}: {len(missing):,} of the {len(ids):,} rows of data.{table.name} have no series, first row {first} with id {str(ids[first])!r}; "
            f"expected one for each row; the file names {', '.join(repr(str(name)) for name in names[:3])}{', …' if len(names) > 3 else ''}"
        )
    return np.asarray(places, dtype=np.int64)


def _refuse_repeated(what: str, ids: NDArray[Any]) -> None:
    """Raise DataError for an id that is missing or occurs again."""
    missing = np.flatnonzero(pd.isna(ids))
    if len(missing):
        raise DataError(f"{what} must name every one; {len(missing):,} are missing, first in row {int(missing[0])}")
    again = np.flatnonzero(pd.Series(ids).duplicated().to_numpy())
    if len(again):
        raise DataError(f"{what} must be unique; {str(ids[again[0]])!r} occurs again in row {int(again[0])}, and {len(again):,} repeat another")
