"""Which column plays which part, on tables small enough to see the answer."""

from __future__ import annotations

import pytest

from audit.errors import ConfigError
from audit.proposal.profile import Column
from audit.proposal.roles import guess_roles, is_protected, words_of


def number(name: str, *levels: int, **other: object) -> Column:
    """A column of numbers; without levels one of very many."""
    plain = {"stored": "number", "rows": 40, "missing": 0, "levels": tuple(map(str, levels)) or None, "commonest": None, "low": 0.0, "high": 9.5}
    return Column(name=name, **{**plain, **other})  # type: ignore[arg-type]


def text(name: str, *levels: str, **other: object) -> Column:
    plain = {"stored": "text", "rows": 40, "missing": 0, "levels": levels or None, "commonest": None}
    return Column(name=name, **{**plain, **other})  # type: ignore[arg-type]


IDENTITY = text("case_id", unique=True)
SEX = text("sex", "f", "m")


def inputs(roles: object) -> list[str]:
    return [column.name for column in roles.inputs]  # type: ignore[attr-defined]


def test_a_column_named_like_a_label_is_the_label_wherever_it_stands() -> None:
    roles = guess_roles([number("Target", 0, 1), IDENTITY, number("a"), number("b"), SEX], wanted=2)

    assert roles.label is not None
    assert roles.label.column.name == "Target"
    assert roles.id is not None
    assert roles.id.column.name == "case_id"
    assert [part.column.name for part in roles.groups] == ["sex"]
    assert inputs(roles) == ["a", "b"]


def test_the_label_without_a_name_is_the_column_whose_absence_makes_the_inputs_fit() -> None:
    roles = guess_roles([number("age"), SEX, number("bmi"), number("bp"), number("progression"), text("patient", unique=True)], wanted=3)

    assert roles.label is not None
    assert roles.label.column.name == "progression"
    assert inputs(roles) == ["age", "bmi", "bp"]
    assert roles.protected_inputs == ("age",)
    assert [column.name for column in roles.uncut] == ["age"]


def test_without_a_known_network_the_last_two_valued_column_is_the_label() -> None:
    roles = guess_roles([number("a", 0, 1), number("b"), number("c", 3, 4), number("d")], wanted=None)

    assert roles.label is not None
    assert roles.label.column.name == "c"
    assert "two distinct values" in roles.label.why


def test_a_text_column_counts_as_many_numbers_as_it_has_levels() -> None:
    roles = guess_roles([number("a"), text("job", "x", "y", "z"), number("y", 0, 1)], wanted=4)

    assert roles.width == 4
    assert inputs(roles) == ["a", "job"]


@pytest.mark.parametrize(("wanted", "words"), [(5, "3 too few"), (1, "1 too many")])
def test_inputs_that_do_not_fit_say_by_how_many(wanted: int, words: str) -> None:
    roles = guess_roles([number("a"), number("b"), number("y", 0, 1)], wanted=wanted)

    assert words in roles.inputs_why


def test_what_cannot_be_an_input_is_left_out_with_its_reason() -> None:
    odd = [
        number("empty", missing=40),
        number("endless", infinite=True),
        text("essay"),
        text("when", stored="timestamp[ns]"),
        number("", 1, 2, 3),
        number("counter", whole=True, unique=True, low=5.0, high=44.0),
        number("new"),
    ]
    roles = guess_roles([*odd, number("a"), number("y", 0, 1)], wanted=1, absent={"new"})

    assert inputs(roles) == ["a"]
    reasons = {part.column.name: part.why for part in roles.left_out}
    assert set(reasons) == {column.name for column in odd}
    assert "infinite" in reasons["endless"]
    assert "timestamp" in reasons["when"]
    assert "reference" in reasons["new"]


def test_an_unknown_column_is_refused_with_the_nearest_name() -> None:
    columns = [number("income"), number("outcome", 0, 1)]

    with pytest.raises(ConfigError, match="did you mean 'outcome'"):
        guess_roles(columns, wanted=1, label="outcom")
    with pytest.raises(ConfigError, match=r"--group.*did you mean 'income'"):
        guess_roles(columns, wanted=1, groups=["incom"])


def test_a_group_the_person_names_is_compared_and_not_given_to_the_network() -> None:
    roles = guess_roles([number("a"), text("region", "n", "s"), number("y", 0, 1)], wanted=1, groups=["region"])

    assert [part.column.name for part in roles.groups] == ["region"]
    assert inputs(roles) == ["a"]


@pytest.mark.parametrize("name", ["sex", "applicant_Race", "ageYears", "MARITAL_STATUS", "date-of-birth"])
def test_protected_attributes_are_known_by_a_word_of_their_name(name: str) -> None:
    assert is_protected(name)


@pytest.mark.parametrize("name", ["page", "percentage", "racecar", "mileage", "sextant"])
def test_a_word_that_merely_contains_another_is_not_protected(name: str) -> None:
    assert not is_protected(name)


def test_words_of_a_name_are_split_at_case_and_signs() -> None:
    assert words_of("patientID_no2") == {"patient", "id", "no"}
