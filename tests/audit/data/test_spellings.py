"""Which texts look like spellings of one another, by example and by property."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.data.spellings import MOST_COMPARED, alike_pairs, look_alike


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("female", "Female "),
        ("Español", "espanol"),
        ("18-25", "18–25"),
        ("18-25", "18 - 25"),
        ("non-binary", "nonbinary"),
        ("African-American", "african american"),
        ("Mrs.", "mrs"),
    ],
)
def test_case_spaces_accents_and_dashes_are_typography(first: str, second: str) -> None:
    assert look_alike(first, second) == look_alike(second, first) == "typography"


@pytest.mark.parametrize(
    ("first", "second"),
    [("female", "femal"), ("female", "femalle"), ("female", "femaie"), ("male", "mael"), ("African American", "Afican Amercan"), ("Iran", "Iraq")],
)
def test_one_slip_in_a_word_is_letters(first: str, second: str) -> None:
    assert look_alike(first, second) == look_alike(second, first) == "letters"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("male", "female"),
        ("1", "2"),
        ("1", "-1"),
        ("1.5", "15"),
        ("18-25", "26-35"),
        ("18-25", "182-5"),
        ("<25", "≥25"),
        ("65+", "65"),
        ("A+", "A-"),
        ("A-", "A"),
        ("grade 1", "grade 2"),
        ("F", "M"),
        ("married", "unmarried"),
        ("typical", "atypical"),
        ("Zambia", "Gambia"),
        ("North America", "South America"),
        ("non-white", "white"),
        ("?", "!"),
        ("man", "men"),
    ],
)
def test_numbers_other_digits_opposites_and_short_words_do_not_look_alike(first: str, second: str) -> None:
    assert look_alike(first, second) == look_alike(second, first) == ""


@given(st.text(alphabet="abcdef", min_size=5, max_size=9), st.data())
def test_any_single_slip_after_the_first_letter_is_found(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(word) - 1))
    slips = (word[:place] + word[place + 1 :], word[:place] + "z" + word[place:], word[:place] + "z" + word[place + 1 :])

    assert [look_alike(word, slip) for slip in slips] == ["letters"] * 3


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_two_texts_are_compared_alike_in_both_directions(first: str, second: str) -> None:
    assert look_alike(first, second) == look_alike(second, first)
    assert look_alike(first, first) == ""


def test_pairs_are_all_that_look_alike() -> None:
    found = alike_pairs(["female", "femal", "male", "Female ", "1", "2"])

    assert {(pair.first, pair.second, pair.why) for pair in found} == {
        ("female", "Female ", "typography"),
        ("female", "femal", "letters"),
        ("femal", "Female ", "letters"),
    }


def test_thousands_of_texts_are_held_against_each_other_by_typography_in_a_moment() -> None:
    texts = [f"level {chr(97 + i // 676)}{chr(97 + i // 26 % 26)}{chr(97 + i % 26)}" for i in range(10 * MOST_COMPARED)]
    started = time.process_time()

    found = alike_pairs([*texts, "LEVEL AAA"])

    assert [(pair.first, pair.second) for pair in found] == [("level aaa", "LEVEL AAA")]
    assert time.process_time() - started < 2
