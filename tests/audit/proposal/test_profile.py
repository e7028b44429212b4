"""Columns as found in tables, against what was written into them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audit.errors import DataError
from audit.proposal.profile import MOST_LEVELS, merge_profiles, profile_table

FRAME = pd.DataFrame(
    {
        "id": [f"r{i}" for i in range(300)],
        "x": np.linspace(-1, 2, 300),
        "few": [1.0, 2.0, np.nan] * 100,
        "flag": [0, 1] * 150,
        "word": ["b", "a", None] * 100,
        "yes": [True, False] * 150,
        "text_number": ["1", "x"] * 150,
    }
)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_same_table_is_seen_alike_in_any_format(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.{ending}"
    FRAME.to_csv(path, index=False) if ending == "csv" else FRAME.to_parquet(path, index=False)

    found = {column.name: column for column in profile_table(path)}

    assert list(found) == list(FRAME)
    assert {name: column.kind for name, column in found.items()} == {
        "id": "categorical", "x": "numeric", "few": "numeric", "flag": "binary", "word": "categorical", "yes": "binary", "text_number": "categorical",
    }  # fmt: skip
    assert {name for name, column in found.items() if column.unique} == {"id"}
    assert (found["x"].low, found["x"].high, found["x"].mean) == pytest.approx((-1, 2, 0.5))
    assert (found["few"].missing, found["few"].levels, found["few"].whole) == (100, ("1", "2"), True)
    assert (found["word"].missing, found["word"].levels) == (100, ("a", "b"))
    assert found["id"].levels is None
    assert MOST_LEVELS < 300


def test_levels_and_range_of_all_tables_are_joined(tmp_path: Path) -> None:
    for name, words, low in (("one", ["a", "b"], 0.5), ("two", ["b", "c"], -3.5)):
        pd.DataFrame({"w": words, "x": [low, 1.0]}).to_csv(tmp_path / f"{name}.csv", index=False)

    word, number = merge_profiles(profile_table(tmp_path / "one.csv"), profile_table(tmp_path / "two.csv"))

    assert word.levels == ("a", "b", "c")
    assert (number.low, number.high) == (-3.5, 1.0)


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("a,b\n")
    (tmp_path / "notes.txt").write_text("hello")

    for name, words in (("empty.csv", "no rows"), ("notes.txt", "csv"), ("absent.csv", "no such file"), (".", "folder")):
        with pytest.raises(DataError, match=words):
            profile_table(tmp_path / name)
