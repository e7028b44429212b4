"""Pieces of a text survive a cell, and players say which place they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from audit.pieces import SEPARATOR, joined, place_in, split


@given(st.lists(st.text(st.characters(exclude_characters=SEPARATOR), min_size=1)))
def test_pieces_come_back(pieces: list[str]) -> None:
    assert split(joined(pieces)) == pieces


def test_a_separator_within_a_piece_makes_no_two_of_it() -> None:
    assert split(joined([f"a{SEPARATOR}b", "c"])) == ["a b", "c"]


def test_players_name_their_place() -> None:
    assert [place_in(name, {"note"}) for name in ("word 1", "note word 12", "character 3", "piece 2")] == [("note", at) for at in (0, 11, 2, 1)]
    assert [place_in(name, {"note"}) for name in ("income", "word", "patch 0,1", "keyword 7x", "pulse 1–3", "keyword 7")] == [None] * 6


def test_a_place_is_that_of_the_text_its_player_names() -> None:
    both = {"note", "a title"}

    assert [place_in(name, both) for name in ("note word 2", "a title piece 1", "word 1", "age", "reply word 1")] == [
        ("note", 1),
        ("a title", 0),
        *[None] * 3,
    ]
    assert [place_in(name, {"note"}) for name in ("word 2", "note word 2")] == [("note", 1)] * 2
    assert place_in("word 2", ()) is None
