"""Pieces of a text stand in their order, beside each other, inside the width."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reports.text_lines import MOST_LINES, laid_out

PIECES = st.lists(st.text(max_size=60), max_size=30)


@given(PIECES, st.floats(400, 900))
def test_pieces_keep_their_order_and_never_overlap(pieces: list[str], width: float) -> None:
    places = laid_out(pieces, width)

    assert len(places) == len(pieces)
    for before, after in pairwise(places):
        assert after.line > before.line or (after.line == before.line and after.start >= before.start + before.width)
    assert all(place.start >= 0 and place.start + place.width <= width for place in places)


@given(PIECES)
def test_what_is_written_holds_no_line_break_and_no_hidden_sign(pieces: list[str]) -> None:
    for place in laid_out(pieces, 600):
        assert not set(place.text) & set("\n\t\u202e\u0000")


def test_a_line_is_filled_before_the_next_begins() -> None:
    lines = [place.line for place in laid_out(["word"] * 40, 400)]

    assert lines == sorted(lines)
    assert 5 < lines.count(0) < 15


def test_a_text_of_many_lines_is_cut_after_the_last_one() -> None:
    places = laid_out(["word"] * 2000, 300)

    assert places[-1].line == MOST_LINES - 1
    assert len(places) % MOST_LINES == 0


def test_wide_letters_get_more_room_than_narrow_ones() -> None:
    narrow, wide = laid_out(["aaaa", "漢字漢字"], 600)

    assert wide.width > 1.4 * narrow.width
