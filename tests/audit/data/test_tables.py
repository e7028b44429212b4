from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from audit.data.dataset import ColumnSchema, Schema
from audit.data.inference import infer_schema
from audit.data.tables import TableDataset, check_ids, open_table
from audit.data_config import ColumnConfig
from audit.errors import DataError

FRAME = pd.DataFrame(
    {
        "income": [1.5, np.nan, 3.0, 4.25, 5.0],
        "grade": [1.0, 2.0, 3.0, np.nan, 1.0],
        "city": ["Köln", "Bonn", None, "Bonn", "Ulm"],
        "label": [0, 1, 1, 0, 1],
    }
)
SCHEMA = Schema(
    columns=(
        ColumnSchema(name="income", kind="numeric", missing="mean"),
        ColumnSchema(name="grade", kind="ordinal", levels=("1", "2", "3"), missing="level"),
        ColumnSchema(name="city", kind="categorical", levels=("Bonn", "Köln", "Ulm"), missing="level"),
    )
)
ENDINGS = ["csv", "csv.gz", "parquet", "feather"]


def write(folder: Path, ending: str, frame: pd.DataFrame = FRAME) -> Path:
    path = folder / f"rows.{ending}"
    if ending.startswith("csv"):
        frame.to_csv(path, index=False)
    elif ending == "parquet":
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, row_group_size=2)
    else:
        feather.write_feather(pa.Table.from_pandas(frame, preserve_index=False), path, chunksize=2)
    return path


def opened(path: Path) -> TableDataset:
    return open_table(path, name="evaluate", schema=SCHEMA, extra=["label"], text=["label"])


def numeric(path: Path, *, codes: tuple[float | str, ...] = (), missing: str = "mean") -> TableDataset:
    schema = Schema(columns=(ColumnSchema(name="x", kind="numeric", missing_codes=codes, missing=missing),))  # type: ignore[arg-type]
    return open_table(path, name="evaluate", schema=schema, extra=[])


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_gives_the_same_values(tmp_path: Path, ending: str) -> None:
    (block,) = opened(write(tmp_path, ending)).blocks(100)

    np.testing.assert_array_equal(block.values["income"], [1.5, np.nan, 3, 4.25, 5])
    assert block.values["grade"].tolist() == ["1", "2", "3", None, "1"]
    assert block.values["city"].tolist() == ["Köln", "Bonn", None, "Bonn", "Ulm"]
    assert block.values["label"].tolist() == ["0", "1", "1", "0", "1"]


def test_digest_does_not_depend_on_the_format(tmp_path: Path) -> None:
    assert len({opened(write(tmp_path, ending)).digest for ending in ENDINGS}) == 1


@pytest.mark.parametrize(("column", "value"), [("income", 1.25), ("city", "Bern"), ("label", 1)])
def test_digest_changes_with_one_value(tmp_path: Path, column: str, value: object) -> None:
    before = opened(write(tmp_path, "parquet")).digest
    changed = FRAME.copy()
    changed.loc[0, column] = value

    assert opened(write(tmp_path, "parquet", changed)).digest != before


def test_moving_a_letter_between_rows_changes_the_digest(tmp_path: Path) -> None:
    def digest(words: list[str]) -> str:
        path = write(tmp_path, "csv", pd.DataFrame({"t": words}))
        return open_table(path, name="evaluate", schema=Schema(columns=()), extra=["t"]).digest

    assert digest(["ab", "c"]) != digest(["a", "bc"])


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("positions", [[], [0], [1, 2, 4], [0, 1, 2, 3, 4]])
def test_take_gives_the_rows_at_positions(tmp_path: Path, ending: str, positions: list[int]) -> None:
    block = opened(write(tmp_path, ending)).take(np.array(positions, dtype=np.int64))

    np.testing.assert_array_equal(block.values["income"], FRAME["income"].to_numpy()[positions])
    assert block.values["label"].tolist() == [str(FRAME["label"][p]) for p in positions]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_blocks_cover_all_rows_in_order(tmp_path: Path, size: int) -> None:
    blocks = list(opened(write(tmp_path, "parquet")).blocks(size))

    assert [len(b) for b in blocks[:-1]] == [size] * (len(blocks) - 1)
    np.testing.assert_array_equal(np.concatenate([b.positions for b in blocks]), np.arange(5))
    np.testing.assert_array_equal(np.concatenate([b.values["income"] for b in blocks]), FRAME["income"])


def test_a_dataset_survives_pickling_without_its_rows(tmp_path: Path) -> None:
    dataset = opened(write(tmp_path, "csv"))
    dataset.take(np.array([1]))
    copy = pickle.loads(pickle.dumps(dataset))  # noqa: S301

    assert copy._held == {}
    assert copy.take(np.array([0])).values["income"].tolist() == [1.5]


@pytest.mark.parametrize("code", ["666", 666.0])
def test_a_missing_code_matches_numbers_and_texts(tmp_path: Path, code: float | str) -> None:
    (block,) = numeric(write(tmp_path, "csv", pd.DataFrame({"x": [1.0, 666.0]})), codes=(code,)).blocks(9)

    np.testing.assert_array_equal(block.values["x"], [1, np.nan])


def test_a_missing_code_matches_what_float32_made_of_it(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.array([1, 0.1], dtype=np.float32)})
    (block,) = numeric(write(tmp_path, "parquet", frame), codes=(0.1,)).blocks(9)

    np.testing.assert_array_equal(block.values["x"], [1, np.nan])


@pytest.mark.parametrize(
    ("values", "words"),
    [(["1", "oops"], ["'x'", "'oops'", "line 3"]), (["1", "inf"], ["'x'", "infinite", "row 1"]), (["1", "NA", "nan"], ["2 missing", "row 1"])],
)
def test_a_bad_number_is_refused_with_its_place(tmp_path: Path, values: list[str], words: list[str]) -> None:
    path = write(tmp_path, "csv", pd.DataFrame({"x": values}))

    with pytest.raises(DataError) as caught:
        numeric(path, missing="refuse")
    assert all(word in str(caught.value) for word in words)


def test_text_after_the_first_block_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, "csv", pd.DataFrame({"x": ["123456789"] * 300_000 + ["late"]}))

    with pytest.raises(DataError, match="'late' at line 300002"):
        numeric(path)
    schema = infer_schema(path, columns=["x"], declared={}, missing="refuse")
    assert schema["x"].levels == ("123456789", "late")


def test_an_unknown_column_names_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path, "csv")

    with pytest.raises(DataError, match=r"'lable'.*did you mean 'label'"):
        open_table(path, name="evaluate", schema=SCHEMA, extra=["lable"])


@pytest.mark.parametrize(
    ("name", "content"), [("a.parquet", "no"), ("a.feather", "no"), ("a.csv", ""), ("a.csv", "x\n"), ("a.csv", "x,x\n1,2\n"), ("a.txt", "x")]
)
def test_a_file_that_is_no_table_is_refused_in_one_line(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)

    with pytest.raises(DataError) as caught:
        numeric(path)
    assert "\n" not in str(caught.value)


def test_ragged_lines_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y\n1,2\n3,4,5\n")

    with pytest.raises(DataError, match="cannot be read"):
        numeric(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        numeric(tmp_path / "none.csv")


def test_duplicate_ids_are_named_and_counted() -> None:
    with pytest.raises(DataError, match=r"'b'.*2 rows"):
        check_ids(np.array(["a", "b", "b", "b"], dtype=object))
    check_ids(np.array(["a", "b"], dtype=object))


def test_kinds_are_inferred_from_values(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": [1.5, 2, 3], "b": [0, 1, 1], "t": ["z", "a", "z"], "f": [True, False, True]})
    for ending in ENDINGS:
        schema = infer_schema(write(tmp_path, ending, frame), columns=["n", "b", "t", "f"], declared={}, missing="refuse")

        assert [c.kind for c in schema.columns] == ["numeric", "binary", "categorical", "binary"]
        assert [c.levels for c in schema.columns] == [(), ("0", "1"), ("a", "z"), ("False", "True")]


def test_what_is_declared_wins_over_what_is_found(tmp_path: Path) -> None:
    frame = pd.DataFrame({"grade": [10, 9, 1]})
    declared = {"grade": ColumnConfig(kind="categorical")}
    schema = infer_schema(write(tmp_path, "parquet", frame), columns=["grade"], declared=declared, missing="refuse")

    assert schema["grade"].levels == ("1", "9", "10")


def test_text_in_a_column_declared_numeric_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "parquet")

    with pytest.raises(DataError, match=r"'city'.*'Köln'"):
        infer_schema(path, columns=["city"], declared={"city": ColumnConfig(kind="numeric")}, missing="refuse")


def test_a_policy_for_the_whole_file_is_kept_to_the_kinds_it_suits(tmp_path: Path) -> None:
    schema = infer_schema(write(tmp_path, "csv"), columns=["income", "city"], declared={}, missing="mean")

    assert [c.missing for c in schema.columns] == ["mean", "refuse"]
