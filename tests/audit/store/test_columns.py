"""What is written into a run is read back exactly."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from audit.errors import StoreError
from audit.rows import Rows
from audit.store import RunStore, Stage
from tests.audit.store.example import FACTS, run

N = 5


def rows_of(stage: Stage) -> Rows:
    return Rows(stage.folder, FACTS, seed=1)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return RunStore(tmp_path / "k=v" / "runs").begin("one")


@pytest.mark.parametrize(
    "values",
    [
        np.array([0.1, np.nan, np.inf, -np.inf, -0.0]),
        np.array([0.1, np.nan, 3, 4, 5], dtype=np.float32),
        np.array([-128, 0, 127, 1, -1], dtype=np.int8),
        np.array([2**63 - 1, -(2**63), 0, 1, -1]),
        np.array([2**31 - 1, -(2**31), 0, 1, -1], dtype=np.int32),
        np.array([True, False, True, True, False]),
        np.arange(10.0).reshape(5, 2)[::-1],
        np.asfortranarray(np.arange(15, dtype=np.int32).reshape(5, 3)),
        np.arange(5.0)[:, None],
    ],
    ids=lambda values: f"{values.dtype}{values.shape}",
)
def test_numbers_keep_type_and_bits(stage: Stage, values: NDArray[np.generic]) -> None:
    stage.write_rows("subject", 0, {"a": values}, positions=np.arange(N))

    found = rows_of(stage).column("subject.a")
    assert found.dtype == values.dtype
    assert found.shape == values.shape
    assert np.ascontiguousarray(found).tobytes() == np.ascontiguousarray(values).tobytes()


def test_nan_is_not_null(stage: Stage) -> None:
    stage.write_rows("subject", 0, {"a": np.array([np.nan, 1.0])}, positions=np.arange(2))

    assert pq.read_table(stage.folder / "rows/subject/part-00000.parquet").column("a").null_count == 0


def test_big_endian_values_survive(stage: Stage) -> None:
    stage.write_rows("subject", 0, {"a": np.arange(3, dtype=">i4")}, positions=np.arange(3))

    assert rows_of(stage).column("subject.a").tolist() == [0, 1, 2]


def test_text_keeps_none_and_any_character(stage: Stage) -> None:
    values = np.array(["", None, "a\x00b", "\u00e9\U0001f600", "nan"], dtype=object)
    stage.write_rows("subject", 0, {"a": values, "none": np.full(N, None, dtype=object)}, positions=np.arange(N))

    assert rows_of(stage).column("subject.a").tolist() == values.tolist()
    assert rows_of(stage).column("subject.none").tolist() == [None] * N


@pytest.mark.parametrize(
    "name", ["input.a.b", "input./../x", "input.\x1b[2J", "input. ", "input.a\nb", "input.*", "input.\u00e9", "input.list.item", "input."]
)
def test_column_names_may_be_anything(stage: Stage, name: str) -> None:
    stage.write_rows("subject", 0, {name: np.arange(3.0), "other": np.zeros(3)}, positions=np.arange(3), units={name: "kg"})

    assert rows_of(stage).column(f"subject.{name}").tolist() == [0.0, 1.0, 2.0]
    assert rows_of(stage).unit(f"subject.{name}") == "kg"
    assert rows_of(stage).unit("subject.other") == ""


def test_parts_are_read_in_order_and_samples_carry_inclusion(stage: Stage) -> None:
    for part in range(12):
        stage.write_rows("subject", part, {"a": np.full(2, part)}, positions=np.array([2 * part, 2 * part + 1]))
    stage.write_rows("attribution.shapley@1a2b", 0, {"b": np.array([7.0])}, positions=np.array([5]), inclusion=np.array([0.25]))

    rows = rows_of(stage)
    sample = rows.within("attribution.shapley@1a2b")
    assert rows.column("subject.a").tolist() == np.repeat(np.arange(12), 2).tolist()
    assert sample.column("subject.a").tolist() == [2]
    assert sample.column("attribution.shapley@1a2b.b").tolist() == [7.0]
    assert sample.weights.tolist() == [4.0]


def test_tables_take_lists_and_arrays(stage: Stage) -> None:
    stage.write_table("p", "t", {"name": ["a", None], "n": [1, 2], "grid": np.eye(2), "nested": [[1, 2], [3, 4]]})

    found = rows_of_table(stage)
    assert found["name"].tolist() == ["a", None]
    assert found["n"].tolist() == [1, 2]
    assert found["grid"].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert found["nested"].tolist() == [[1, 2], [3, 4]]


def rows_of_table(stage: Stage) -> dict[str, NDArray[np.generic]]:
    stage.write_rows("subject", 0, {}, positions=np.arange(1))
    return rows_of(stage).table("p", "t")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": np.arange(2)}, "differ in length"),
        ({"a": np.zeros((3, 2, 2))}, "shape"),
        ({"a": np.zeros((3, 0))}, "shape"),
        ({"a": np.array(["x", 1.5, None], dtype=object)}, "found float 1.5"),
        ({"a": np.array(["\ud800", None, "x"], dtype=object)}, "cannot be stored"),
        ({"a": np.zeros(3, dtype=np.complex128)}, "cannot be stored"),
        ({"position": np.arange(3)}, "reserved"),
    ],
)
def test_what_cannot_be_held_exactly_is_refused(stage: Stage, columns: dict[str, NDArray[np.generic]], message: str) -> None:
    with pytest.raises(StoreError, match=message):
        stage.write_rows("subject", 0, columns, positions=np.arange(3))


def test_unordered_positions_and_impossible_inclusion_are_refused(stage: Stage) -> None:
    with pytest.raises(StoreError, match="ascending"):
        stage.write_rows("p", 0, {}, positions=np.array([1, 0]))
    with pytest.raises(StoreError, match="inclusion"):
        stage.write_rows("p", 0, {}, positions=np.array([0, 1]), inclusion=np.array([0.5, 0.0]))


def test_part_is_written_once_and_all_parts_have_the_same_columns(stage: Stage) -> None:
    stage.write_rows("p", 0, {"a": np.arange(2)}, positions=np.arange(2))

    with pytest.raises(StoreError, match="written already"):
        stage.write_rows("p", 0, {"a": np.arange(2)}, positions=np.arange(2))
    with pytest.raises(StoreError, match="first part had"):
        stage.write_rows("p", 1, {"b": np.arange(2)}, positions=np.arange(2, 4))


def test_arrays_hold_no_objects(stage: Stage) -> None:
    stage.write_array("image@1", np.eye(3, dtype=np.float32))

    assert np.array_equal(np.load(stage.folder / "arrays" / "image@1.npy", allow_pickle=False), np.eye(3))
    with pytest.raises(StoreError, match="Python objects"):
        stage.write_array("objects", np.array([{}], dtype=object))


@pytest.mark.slow
def test_a_million_rows_of_five_columns_take_about_a_second(tmp_path: Path) -> None:
    columns = {f"c{i}": np.random.default_rng(i).random(1_000_000) for i in range(5)}
    with RunStore(tmp_path).begin("one") as stage:
        started = time.process_time()
        stage.write_rows("outputs", 0, columns, positions=np.arange(1_000_000))
        seconds = time.process_time() - started
        stage.seal(run("one"))

    assert seconds < 2.0
