"""The factors that are named are the largest adverse ones, and the cut is told where the errors leave room for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from audit.methods.attribution.principal_factors import overlap, principal_factors

NONE = np.zeros(6, dtype=bool)


def named(shortfall, *, barred=NONE, se=0.0, **settings):
    values = np.array([shortfall], dtype=float)
    return principal_factors(values, np.full_like(values, se), barred, **settings)


def test_only_adverse_factors_are_named_largest_first() -> None:
    found = named([0.1, -3.0, 2.0, 0.0, 0.5, -0.1])

    assert found.named.tolist() == [[2, 4, 0, -1]]
    assert found.certain.tolist() == [True]


def test_at_most_four_are_named() -> None:
    assert named([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).named.tolist() == [[5, 4, 3, 2]]


def test_equal_shortfalls_keep_their_order_and_make_the_cut_uncertain() -> None:
    found = named([1.0, 1.0, 1.0, 1.0, 1.0, 2.0])

    assert found.named.tolist() == [[5, 0, 1, 2]]
    assert not found.certain[0]


def test_the_cut_is_certain_only_beyond_the_error_of_the_difference() -> None:
    values = [5.0, 4.0, 3.0, 2.0, 1.0, -1.0]

    # The difference of fourth and fifth is 1, its standard error se * sqrt(2).
    assert named(values, se=0.99 / (1.96 * np.sqrt(2))).certain[0]
    assert not named(values, se=1.01 / (1.96 * np.sqrt(2))).certain[0]


def test_the_last_of_few_must_exceed_zero() -> None:
    assert named([5.0, 1.0, -1.0, -1.0, -1.0, -1.0], se=0.5).certain[0]
    assert not named([5.0, 1.0, -1.0, -1.0, -1.0, -1.0], se=0.52).certain[0]


def test_a_barred_factor_is_withheld_and_counted() -> None:
    barred = np.array([False, True, False, False, False, False])

    found = named([1.0, 9.0, 2.0, 3.0, 4.0, 5.0], barred=barred)
    assert found.named.tolist() == [[5, 4, 3, 2]]
    assert found.withheld.tolist() == [1]


def test_a_barred_factor_beyond_the_fourth_is_not_counted() -> None:
    barred = np.array([True, False, False, False, False, False])

    assert named([1.0, 9.0, 2.0, 3.0, 4.0, 5.0], barred=barred).withheld.tolist() == [0]


def test_a_row_without_adverse_factor_names_none() -> None:
    found = named([-1.0, 0.0, -2.0, 0.0, 0.0, 0.0])

    assert found.named.tolist() == [[-1, -1, -1, -1]]
    assert not found.certain[0]


def test_no_rows_and_few_factors_keep_the_shape() -> None:
    none = principal_factors(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(2, dtype=bool))
    one = principal_factors(np.array([[2.0]]), np.array([[0.1]]), np.zeros(1, dtype=bool))

    assert none.named.shape == (0, 4)
    assert one.named.tolist() == [[0, -1, -1, -1]]
    assert one.certain.tolist() == [True]


@given(hnp.arrays(np.float64, (3, 7), elements=st.floats(-5, 5)), hnp.arrays(np.bool_, 7))
def test_what_sorting_by_hand_finds(shortfall, barred) -> None:
    found = principal_factors(shortfall, np.ones_like(shortfall), barred)

    for row, values in enumerate(shortfall):
        least = 1e-9 * max(abs(values))
        ranked = sorted((place for place in range(7) if values[place] > least), key=lambda place: (-values[place], place))
        allowed = [place for place in ranked if not barred[place]][:4]
        assert [place for place in found.named[row].tolist() if place >= 0] == allowed
        assert found.withheld[row] == sum(barred[place] for place in ranked[:4])


def test_overlap_counts_what_both_name_in_any_order() -> None:
    first = np.array([[1, 2, 3, 4], [1, -1, -1, -1]], dtype=np.int32)
    second = np.array([[4, 9, 2, 8], [2, -1, -1, -1]], dtype=np.int32)

    assert overlap(first, second).tolist() == [2, 0]
    assert overlap(first, first).tolist() == [4, 1]


@pytest.mark.parametrize("most", [1, 2, 5])
def test_the_number_named_is_the_one_asked_for(most) -> None:
    assert named([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], most=most).named.tolist() == [[5, 4, 3, 2, 1][:most]]
