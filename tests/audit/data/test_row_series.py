"""Series belong to the rows of a table by id, or in their order; what does not fit is told in one message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audit.data.dataset import ColumnSchema, Schema
from audit.data.row_series import series_of_rows
from audit.data.series import SeriesDataset
from audit.data.tables import TableDataset, open_table
from audit.data_config import DataConfig, PartSeriesConfig
from audit.errors import DataError, NetassayError

LONG = pd.DataFrame({"key": [2, 2, 1, 3], "step": [1, 0, 0, 0], "pulse": [20.0, 10.0, 5.0, 9.0]})


def table(folder: Path, ids: list[Any]) -> TableDataset:
    path = folder / "rows.csv"
    pd.DataFrame({"age": np.arange(len(ids), dtype=float), "id": ids}).to_csv(path, index=False)
    return open_table(path, name="evaluate", schema=Schema((ColumnSchema(name="age", kind="numeric"),)), extra=["id"], text=["id"])


def found(path: Path, rows: TableDataset, *, id_column: str | None = "id", **settings: Any) -> SeriesDataset:
    return series_of_rows(path, rows, part="vitals", id_column=id_column, config=PartSeriesConfig(evaluate=path.name, **settings))


def long_table(folder: Path, frame: pd.DataFrame = LONG, ending: str = "csv") -> Path:
    path = folder / f"vitals.{ending}"
    frame.to_csv(path, index=False) if ending == "csv" else frame.to_parquet(path)
    return path


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("dtype", [int, float, str])
def test_ids_are_the_same_however_they_are_stored(tmp_path: Path, ending: str, dtype: type) -> None:
    path = long_table(tmp_path, LONG.astype({"key": dtype}), ending)

    held = found(path, table(tmp_path, [1.0, 2.0]), by="key", step="step", channels=("pulse",))

    np.testing.assert_array_equal(held.values, [[[5.0, np.nan]], [[10.0, 20.0]]])
    assert held.columns == ("vitals pulse",)
    assert list(held.take(np.array([1])).values["vitals pulse"][0]) == [10.0, 20.0]


def test_leading_zeros_are_part_of_an_id(tmp_path: Path) -> None:
    path = long_table(tmp_path, LONG.assign(key=["02", "02", "01", "1"]))

    held = found(path, table(tmp_path, ["1", "02"]), by="key", step="step", channels=("pulse",))

    np.testing.assert_array_equal(held.values[:, 0], [[9.0, np.nan], [10.0, 20.0]])


def test_the_id_names_the_series_where_nothing_is_declared(tmp_path: Path) -> None:
    path = tmp_path / "vitals.npz"
    np.savez(path, series=np.array([[1.0, 2.0], [3.0, 4.0]]), id=np.array(["b", "a"]))

    held = found(path, table(tmp_path, ["a", "b"]))

    np.testing.assert_array_equal(held.values[:, 0], [[3.0, 4.0], [1.0, 2.0]])


def test_an_array_without_names_is_in_the_order_of_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "vitals.npz"
    np.savez(path, series=np.array([[1.0, 2.0], [3.0, 4.0]]))

    held = found(path, table(tmp_path, ["a", "b"]), id_column=None)

    np.testing.assert_array_equal(held.values[:, 0], [[1.0, 2.0], [3.0, 4.0]])


def test_a_series_of_no_row_is_left_out_with_its_faults(tmp_path: Path) -> None:
    path = long_table(tmp_path, pd.concat([LONG, pd.DataFrame({"key": [9], "step": [0], "pulse": [np.inf]})]))

    held = found(path, table(tmp_path, [3, 1]), by="key", step="step", channels=("pulse",))

    np.testing.assert_array_equal(held.values[:, 0], [[9.0], [5.0]])


def npz(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "vitals.npz", **arrays)
    return folder / "vitals.npz"


ONE = np.ones((2, 3))
GONE = np.array([[1.0, 2.0], [np.nan, np.nan]])


@pytest.mark.parametrize(
    ("ids", "arrays", "message"),
    [
        (["a", "b"], {"series": ONE, "id": ["a", "c"]}, "1 of the 2 rows of data.evaluate have no series, first row 1 with id 'b'.*names 'a', 'c'"),
        (["a", "a"], {"series": ONE, "id": ["a", "b"]}, "data.evaluate: the ids in column 'id' must be unique; 'a' occurs again in row 1"),
        (["a", None], {"series": ONE, "id": ["a", "b"]}, "data.evaluate: the ids in column 'id' must name every one; 1 are missing, first in row 1"),
        (["a", "b"], {"series": ONE, "id": ["b", "b"]}, "the names of the series must be unique; 'b' occurs again in row 1"),
        ([1, 2], {"series": ONE, "id": [1.0, np.nan]}, "the names of the series must name every one; 1 are missing"),
        (["a", "b"], {"series": GONE, "id": ["b", "a"]}, "series 'a' has no values"),
        (["a", "b", "c"], {"series": ONE}, "2 series for the 3 rows of data.evaluate; expected one for each row"),
    ],
)
def test_what_does_not_fit_is_told_in_one_message(tmp_path: Path, ids: list[Any], arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        found(npz(tmp_path, **arrays), table(tmp_path, ids))


@pytest.mark.parametrize(
    ("id_column", "settings", "message"),
    [
        (None, {"step": "step", "channels": ("pulse",)}, "declare data.id"),
        ("id", {"step": "step", "channels": ("pulse",)}, "no column 'id' to find the series of a row by; name it with data.parts.vitals.series.by"),
        ("id", {"by": "key", "channels": ("pulse",)}, "needs data.parts.vitals.series.step and channels"),
        ("key", {"step": "step", "channels": ("pulse",)}, "data.evaluate has no column 'key'"),
    ],
)
def test_a_long_table_says_what_it_lacks(tmp_path: Path, id_column: str | None, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(NetassayError, match=message):
        found(long_table(tmp_path), table(tmp_path, ["a"]), id_column=id_column, **settings)


def test_a_gap_names_the_series_and_the_key(tmp_path: Path) -> None:
    path = npz(tmp_path, series=np.array([[1.0, 2.0], [np.nan, 3.0]]), id=["b", "a"])

    with pytest.raises(DataError, match=r"series 'a', channel 'channel 1' has no value at step 0 .*declare data.parts.vitals.series.missing"):
        found(path, table(tmp_path, ["a", "b"]))


@pytest.mark.parametrize(
    ("rows", "series", "message"),
    [
        ({"reference": "r.csv"}, {}, "parts.vitals.series.reference is missing: the file with the series of the rows of reference = 'r.csv'"),
        ({}, {"calibration": "c.npz"}, "parts.vitals.series.calibration names series for rows that are not there"),
        ({}, {"by": "key"}, "parts.vitals.series.by names the series of each row, by the id of the rows; declare id"),
    ],
)
def test_every_table_has_its_series(rows: dict[str, str], series: dict[str, str], message: str) -> None:
    parts = {"form": {"inputs": ["age"]}, "vitals": {"series": {"evaluate": "e.npz", **series}}}

    with pytest.raises(ValueError, match=message):
        DataConfig.model_validate({"kind": "several", "evaluate": "e.csv", "parts": parts, **rows}, strict=False)
