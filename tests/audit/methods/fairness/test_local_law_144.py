"""The tables of Local Law 144, by hand and by enumeration."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import MethodError
from audit.methods.fairness.local_law_144 import above_median, disagreements, impact_table, may_be_left_out

COUNTS = st.lists(st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=8)


def test_ratios_of_a_table_by_hand():
    table = impact_table([30, 60, 0], [100, 120, 30])

    assert [one.impact_ratio for one in table.categories] == [Fraction(3, 5), 1, 0]
    assert table.highest == (1,)
    assert table.base == 250
    assert table.categories[0].share == Fraction(2, 5)


@given(COUNTS)
def test_every_ratio_is_the_rate_over_the_largest_rate(cells):
    selected, totals = [s for s, _ in cells], [n for _, n in cells]
    rates = [Fraction(s, n) for s, n in cells if n]

    table = impact_table(selected, totals)

    for one in table.categories:
        if one.total == 0:
            assert (one.rate, one.impact_ratio) == (None, None)
        elif max(rates) == 0:
            assert one.impact_ratio is None
        else:
            assert one.impact_ratio * max(rates) == Fraction(one.selected, one.total)


def test_a_the_reference_is_chosen_after_exclusions():
    # The last category has the highest rate, 1, and 1 of 101 rows.
    table = impact_table([20, 25, 1], [50, 50, 1], left_out=[2])

    assert table.highest == (1,)
    assert [one.impact_ratio for one in table.categories] == [Fraction(4, 5), 1, None]
    assert (table.categories[2].total, table.categories[2].rate, table.categories[2].left_out) == (1, 1, True)


def test_b_ratios_are_of_unrounded_rates():
    # 0.3447 / 0.4348 = 0.7929; of rates rounded to two digits it would be 0.34 / 0.43 = 0.7907.
    table = impact_table([162, 200], [470, 460])

    assert table.categories[0].impact_ratio == Fraction(162 * 460, 470 * 200)
    assert float(table.categories[0].impact_ratio) != pytest.approx(0.34 / 0.43, abs=1e-3)


def test_c_categories_that_tie_all_have_a_ratio_of_exactly_one():
    # In floats 0.1 * 3 != 0.3; a third of 30 and of 90 are the same fraction.
    table = impact_table([10, 30, 5], [30, 90, 40])

    assert table.highest == (0, 1)
    assert [one.impact_ratio for one in table.categories[:2]] == [1, 1]


def test_d_rows_on_the_median_are_not_above_it_and_are_counted():
    found = above_median(np.array([1.0, 2, 2, 2, 2, 3]), np.ones(6, dtype=bool))

    assert found.above.tolist() == [False, False, False, False, False, True]
    assert (found.median, found.at_median, found.sample) == (2.0, 4, 6)


def test_e_the_median_can_be_of_rows_of_known_membership_only():
    scores, known = np.array([1.0, 2, 3, 4, 10, 11]), np.array([True, True, True, True, False, False])

    assert above_median(scores, known).median == 2.5
    assert above_median(scores, np.ones(6, dtype=bool)).median == 3.5


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.5, float(np.nextafter(0.5, 1))]), min_size=1, max_size=30))
def test_above_the_median_agrees_with_exact_fractions(values):
    exact = sorted(Fraction(v) for v in values)
    median = (exact[(len(exact) - 1) // 2] + exact[len(exact) // 2]) / 2

    found = above_median(np.array(values), np.ones(len(values), dtype=bool))

    assert found.above.tolist() == [Fraction(v) > median for v in values]
    assert found.at_median == sum(Fraction(v) == median for v in values)


def test_no_more_than_half_of_the_sample_lies_above_its_median():
    generator = np.random.default_rng(2)
    for n in range(1, 40):
        scores = generator.integers(0, 8, n).astype(float)

        assert 2 * above_median(scores, np.ones(n, dtype=bool)).above.sum() <= n


def test_scores_that_are_not_finite_are_neither_in_the_sample_nor_above():
    found = above_median(np.array([np.nan, np.inf, 1.0, 2, 3]), np.ones(5, dtype=bool))

    assert (found.sample, found.median) == (3, 2.0)
    assert found.above.tolist() == [False, False, False, False, True]


def test_a_median_of_nothing_is_refused():
    with pytest.raises(MethodError, match="at least one"):
        above_median(np.array([np.nan]), np.ones(1, dtype=bool))


@pytest.mark.parametrize(("small", "allowed"), [(1, True), (2, False), (3, False)])
def test_f_only_less_than_two_percent_may_be_left_out(small, allowed):
    totals = [100 - small, small]

    assert may_be_left_out(totals, 1) is allowed
    if not allowed:
        with pytest.raises(MethodError, match="not less than 2 %"):
            impact_table([0, 0], totals, left_out=[1])


def test_g_intersections_that_do_not_sum_to_their_category_are_found():
    # The example published with the rule: 408 Hispanic applicants by race, 395 in the intersection.
    found = disagreements(np.array([[195, 100], [200, 90]]), np.array([295, 290]), np.array([408, 190]))

    assert [(one.axis, one.position, one.marginal, one.summed) for one in found] == [(1, 0, 408, 395)]


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**31))
def test_sums_of_the_intersections_themselves_never_disagree(first, second, seed):
    cells = np.random.default_rng(seed).integers(0, 9, (first, second))

    assert disagreements(cells, cells.sum(axis=1), cells.sum(axis=0)) == []


def test_counts_that_do_not_fit_are_refused():
    with pytest.raises(MethodError, match="0 <= selected <= total"):
        impact_table([3], [2])
