"""Downloads open in a spreadsheet as what they say."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.csv_text import csv_text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_text_that_begins_like_a_formula_is_quoted(start: str) -> None:
    text = csv_text(pd.DataFrame({"a": [f"{start}1+1"], f"{start}b": ["plain"]}))

    header, line = csv.reader(io.StringIO(text, newline=""))
    assert line == [f"'{start}1+1", "plain"]
    assert header == ["a", f"'{start}b"]


def test_negative_numbers_stay_numbers() -> None:
    frame = pd.DataFrame({"value": [-1.25, 0.1 + 0.2], "count": [-3, 4], "mixed": pd.Series([-2.5, "-2.5"], dtype=object)})

    lines = list(csv.DictReader(io.StringIO(csv_text(frame))))

    assert [float(line["value"]) for line in lines] == [-1.25, 0.1 + 0.2]
    assert [line["count"] for line in lines] == ["-3", "4"]
    assert [line["mixed"] for line in lines] == ["-2.5", "'-2.5"]


def test_categories_are_quoted_too() -> None:
    frame = pd.DataFrame({"group": pd.Categorical(["=a", "b", "=a"])})

    assert list(csv.reader(io.StringIO(csv_text(frame)))) == [["group"], ["'=a"], ["b"], ["'=a"]]


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_no_cell_ever_begins_like_a_formula(cells: list[str]) -> None:
    read = list(csv.reader(io.StringIO(csv_text(pd.DataFrame({"a": cells, "b": 1})), newline="")))

    assert len(read) == len(cells) + 1
    assert not any(line[0].startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for line in read)
