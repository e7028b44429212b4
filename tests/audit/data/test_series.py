"""Series are the same from npz, a long table and a .ts file; gaps, ends and names follow one set of rules, and mistakes are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audit.data.series import open_series
from audit.data_config import SeriesConfig
from audit.errors import DataError

NAN = float("nan")
VALUES = np.array([[[1.0, 2, 3, 4], [5, 6, 7, 8]], [[9, 10, NAN, NAN], [11, 12, NAN, NAN]]])
LONG = {"by": "who", "step": "when", "channels": ("a", "b")}


def npz(path: Path, values: np.ndarray, **others: object) -> Path:
    np.savez(path / "s.npz", series=values, **others)
    return path / "s.npz"


def opened(path: Path, extra: tuple[str, ...] = (), **config: object):
    return open_series(path, name="evaluate", config=SeriesConfig(**config), extra=extra)


def long_table(values: np.ndarray) -> pd.DataFrame:
    rows = [(f"p{row}", step, *values[row, :, step], "xy"[row]) for row in range(len(values)) for step in range(values.shape[2])]
    frame = pd.DataFrame(rows, columns=["who", "when", "a", "b", "ward"])
    return frame[~(frame["a"].isna() & frame["b"].isna())]


@pytest.mark.parametrize("kind", ["npz", "ntc", "csv", "shuffled", "parquet", "dates", "ts"])
def test_every_kind_of_file_gives_the_same_series(tmp_path: Path, kind: str) -> None:
    frame = long_table(VALUES)
    if kind == "npz":
        found = opened(npz(tmp_path, VALUES), channels=("a", "b"))
    elif kind == "ntc":
        found = opened(npz(tmp_path, VALUES.transpose(0, 2, 1)), channels=("a", "b"), layout="ntc")
    elif kind == "ts":
        (tmp_path / "s.ts").write_text("#x\n@timeStamps false\n@classLabel true u v\n@data\n1,2,3,4:5,6,7,8:u\n9,10:11,12:v\n")
        found = opened(tmp_path / "s.ts", extra=("class", "position"), channels=("a", "b"))
        assert found.others["class"].tolist() == ["u", "v"]
        assert found.others["position"].tolist() == ["0", "1"]
    else:
        if kind == "shuffled":
            frame = pd.concat([frame.iloc[:1], frame.iloc[1:].sample(frac=1, random_state=3)])
        if kind == "dates":
            frame["when"] = pd.to_datetime("2024-02-28") + pd.to_timedelta(frame["when"], unit="D")
        path = tmp_path / ("s.parquet" if kind == "parquet" else "s.csv")
        frame.to_parquet(path) if kind == "parquet" else frame.to_csv(path, index=False)
        found = opened(path, extra=("ward",), **LONG)
        assert found.others["ward"].tolist() == ["x", "y"]

    np.testing.assert_array_equal(found.values, VALUES)
    assert (found.n_rows, found.length, found.channels, found.ends) == (2, 4, ("a", "b"), True)
    assert set(found.take(np.array([1])).values) == set(found.columns)
    np.testing.assert_array_equal(found.take(np.array([1])).values["b"], VALUES[1:, 1])
    assert [len(block) for block in found.blocks(1)] == [1, 1]


def test_one_channel_needs_no_axis(tmp_path: Path) -> None:
    assert opened(npz(tmp_path, np.ones((3, 5)))).values.shape == (3, 1, 5)


@pytest.mark.parametrize(("keep", "expected"), [("start", [[1, 2, 3], [9, 10, NAN]]), ("end", [[2, 3, 4], [9, 10, NAN]])])
def test_longer_series_are_cut_and_shorter_ones_end(tmp_path: Path, keep: str, expected: list[list[float]]) -> None:
    np.testing.assert_array_equal(opened(npz(tmp_path, VALUES), length=3, keep=keep).values[:, 0], expected)


def test_more_room_than_any_series_needs(tmp_path: Path) -> None:
    found = opened(npz(tmp_path, VALUES), length=6)

    assert found.values.shape == (2, 2, 6)
    assert np.isnan(found.values[0, :, 4:]).all()


@pytest.mark.parametrize(("missing", "expected"), [("previous", [1, 1, 1, 7]), ("interpolate", [1, 3, 5, 7])])
def test_gaps_are_bridged_only_when_declared(tmp_path: Path, missing: str, expected: list[float]) -> None:
    path = npz(tmp_path, np.array([[[1.0, NAN, NAN, 7]]]))

    with pytest.raises(DataError, match=r"has no value at step 1 \(2 gaps in all\)"):
        opened(path)
    assert opened(path, missing=missing).values[0, 0].tolist() == expected


def test_a_channel_that_stops_before_the_others_has_a_gap(tmp_path: Path) -> None:
    path = npz(tmp_path, np.array([[[1.0, 2, 3], [4, 5, NAN]]]))

    with pytest.raises(DataError, match="channel 'channel 2' has no value at step 2"):
        opened(path)
    assert opened(path, missing="previous").values[0, 1].tolist() == [4, 5, 5]


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    one = opened(npz(tmp_path, VALUES, ward=np.array(["x", "y"])), extra=("ward",)).digest
    same = opened(npz(tmp_path, VALUES.copy(), ward=np.array(["x", "y"])), extra=("ward",)).digest
    other = opened(npz(tmp_path, VALUES, ward=np.array(["x", "z"])), extra=("ward",)).digest
    changed = VALUES.copy()
    changed[0, 0, 0] += 1e-9

    assert one == same
    assert len({one, other, opened(npz(tmp_path, changed, ward=np.array(["x", "y"])), extra=("ward",)).digest}) == 3


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array([[[1.0, np.inf]]]), "is infinite at step 1"),
        (np.full((2, 1, 3), NAN), "series 0 has no values"),
        (np.zeros((0, 1, 3)), "there are no series"),
        (np.array([["a"]]), "expected numbers"),
        (np.array([[[1.0, 2], [NAN, NAN]]]), "'channel 2' has no value"),
    ],
)
def test_what_is_no_series_is_refused(tmp_path: Path, values: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        opened(npz(tmp_path, values))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame.drop(columns="b"), "there is no column 'b'"),
        (lambda frame: pd.concat([frame, frame.iloc[:1]]), "has two rows for one 'when'"),
        (lambda frame: frame.assign(ward=range(len(frame))), "'ward' changes within series 'p0'"),
        (lambda frame: frame.assign(a="much"), "'a' holds values that are not numbers"),
        (lambda frame: frame.assign(when="later"), "'when' is neither number nor date"),
        (lambda frame: frame.assign(who=[None, *frame["who"][1:]]), "names no series in row 0"),
        (lambda frame: frame.iloc[:0], "no rows"),
    ],
)
def test_a_long_table_is_refused_by_what_is_wrong(tmp_path: Path, change, words: str) -> None:
    change(long_table(VALUES)).to_csv(tmp_path / "s.csv", index=False)

    with pytest.raises(DataError, match=words):
        opened(tmp_path / "s.csv", extra=("ward",), **LONG)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@data\n1,x\n", "could not convert"),
        ("1,2\n", "expected a line that starts with @ or #"),
        ("@problemName a\n", "there is no line @data"),
        ("@timeStamps true\n@data\n(0,1)\n", "time stamps"),
        ("@data\n1,2\n1,2:3,4\n", "1 to 2 channels"),
        ("@classLabel true a\n@data\na\n", "has no values"),
        ("@targetLabel true\n@data\n1,2:x\n", "a target is no number"),
        ("@data\n1,2\n", "there is no column 'class'"),
        ("@data\n", "there are no series"),
    ],
)
def test_a_ts_file_is_refused_by_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "s.ts").write_text(text)
    extra = ("class",) if "class" in words else ()

    with pytest.raises(DataError, match=words):
        opened(tmp_path / "s.ts", extra=extra)


def test_targets_of_a_ts_file_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "s.ts").write_text("@targetLabel true\n@data\n1,2:0.5\n3,?,5:1.5\n")

    found = opened(tmp_path / "s.ts", extra=("class",), missing="interpolate")

    assert found.others["class"].tolist() == [0.5, 1.5]
    assert found.values[1, 0].tolist() == [3, 4, 5]


def test_a_table_of_series_needs_its_columns_named(tmp_path: Path) -> None:
    long_table(VALUES).to_csv(tmp_path / "s.csv", index=False)

    with pytest.raises(DataError, match=r"needs data\.series\.by, step and channels"):
        opened(tmp_path / "s.csv")


def test_too_many_numbers_are_refused_before_room_is_made(tmp_path: Path) -> None:
    frame = pd.DataFrame({"who": [*["long"] * 40_000, *(f"w{place}" for place in range(10_000))], "when": range(50_000), "a": 1.0})
    frame.to_parquet(tmp_path / "s.parquet")

    with pytest.raises(DataError, match="10,001 series of 1 channels and 40,000 steps are more than"):
        opened(tmp_path / "s.parquet", by="who", step="when", channels=("a",))
