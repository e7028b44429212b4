"""Whatever names hold, the text written reads back as the names, and nothing breaks out of a comment."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.proposal.limits import limit_comments
from audit.proposal.toml_text import comment, number, quoted, wrapped

NAMES = st.text(st.characters(exclude_categories=["Cs"]))


@given(NAMES)
def test_a_quoted_text_reads_back_and_shows_every_character(text: str) -> None:
    written = quoted(text)

    assert tomllib.loads(f"v = {written}")["v"] == text
    assert tomllib.loads(f"{written} = 1") == {text: 1}
    assert written.isprintable()


@given(NAMES)
def test_a_comment_stays_one_comment(text: str) -> None:
    assert tomllib.loads(f"{comment(text)}\nv = 1") == {"v": 1}
    assert comment(text).isprintable()


@given(st.lists(NAMES, max_size=60))
def test_a_list_reads_back_in_order(texts: list[str]) -> None:
    assert tomllib.loads(f"v = {wrapped(texts)}")["v"] == texts


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_equal(value: float) -> None:
    assert tomllib.loads(f"v = {number(value)}")["v"] == value


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_limits_are_comments_that_declare_nothing(task: str) -> None:
    lines = list(limit_comments(task, groups=True, label=True))  # type: ignore[arg-type]

    assert tomllib.loads("\n".join(comment(line) for line in lines)) == {}
    assert any("29 CFR 1607.4(D)" in line for line in lines) == (task != "regression")
