"""Conformal p-values by counting, their validity by enumeration and simulation, and discoveries against scipy."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from audit.errors import MethodError
from audit.methods.anomaly.conformal import (
    attained,
    calibration_rows_needed,
    conformal_p_values,
    discoveries,
    false_alarm_range,
    smallest_p_value,
)

SCORES = st.lists(st.integers(0, 6), min_size=1, max_size=12)


def test_known_p_values_against_scores_zero_to_eight():
    found = conformal_p_values(np.array([0.5, 2.0, 9.0]), np.arange(9.0))

    assert found.tolist() == [0.9, 0.8, 0.1]


@given(SCORES, SCORES)
def test_p_values_count_scores_at_least_as_large_ties_included(scores, calibration):
    found = conformal_p_values(np.array(scores, float), np.array(calibration, float))

    expected = [(1 + sum(c >= s for c in calibration)) / (len(calibration) + 1) for s in scores]

    assert found.tolist() == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("values", [(1, 2, 3, 4, 5), (1, 1, 2, 2, 3), (7, 7, 7, 7, 7)])
def test_over_every_order_of_five_rows_p_is_at_most_a_no_more_often_than_a(values):
    found = [conformal_p_values(np.array([order[0]], float), np.array(order[1:], float))[0] for order in itertools.permutations(values)]

    for step in range(1, 6):
        level = Fraction(step, 5)
        assert Fraction(sum(p <= float(level) + 1e-12 for p in found), len(found)) <= level


def test_p_values_are_valid_in_simulation():
    generator = np.random.default_rng(0)
    scores, calibration = generator.exponential(size=4000), generator.exponential(size=(4000, 39))
    found = np.array([conformal_p_values(scores[i : i + 1], calibration[i])[0] for i in range(4000)])

    for alpha in (0.025, 0.05, 0.1, 0.5):
        # With 39 rows and no ties the probability is exactly alpha at these levels; four standard errors.
        assert abs(attained(found, alpha).mean() - alpha) < 4 * math.sqrt(alpha * (1 - alpha) / 4000)


def test_one_calibration_row_gives_one_half_or_one():
    assert conformal_p_values(np.array([0.0, 1.0, 2.0]), np.array([1.0])).tolist() == [1.0, 1.0, 0.5]


def test_a_score_that_is_not_a_number_has_no_p_value():
    assert np.isnan(conformal_p_values(np.array([np.nan, 1.0]), np.arange(3.0))).tolist() == [True, False]


@pytest.mark.parametrize("calibration", [np.zeros(0), np.array([1.0, np.nan])])
def test_calibration_scores_must_exist_and_be_numbers(calibration):
    with pytest.raises(MethodError, match="calibration score"):
        conformal_p_values(np.zeros(1), calibration)


@given(st.integers(2, 400))
def test_the_rows_needed_reach_alpha_and_one_fewer_does_not(parts):
    needed = calibration_rows_needed(1 / parts)

    assert needed == parts - 1
    assert attained(np.array([smallest_p_value(needed)]), 1 / parts).all()
    assert not attained(np.array([smallest_p_value(needed - 1)]), 1 / parts).any()


def test_alpha_lies_between_zero_and_one():
    with pytest.raises(MethodError, match="alpha"):
        calibration_rows_needed(0.0)


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=30), st.sampled_from([0.05, 0.1, 0.3]))
def test_discoveries_are_those_scipy_adjusts_below_the_rate(p_values, rate):
    adjusted = false_discovery_control(np.array(p_values))
    clear = np.abs(adjusted - rate) > 1e-9

    assert (discoveries(np.array(p_values), rate=rate) == (adjusted <= rate))[clear].all()


def test_a_step_further_up_carries_those_before_it():
    # 0.03 > 0.05/4 alone, yet 0.04 <= 0.05 * 4/4 carries every one.
    assert discoveries(np.array([0.03, 0.04, 0.035, 0.039]), rate=0.05).all()


def test_rows_without_a_p_value_are_not_found_and_not_counted():
    assert discoveries(np.array([np.nan, 0.05, np.nan]), rate=0.05).tolist() == [False, True, False]
    assert not discoveries(np.full(3, np.nan)).any()


def test_the_false_alarm_range_is_where_simulated_calibration_sets_lie():
    # Of uniform scores, the usual rows above the calibration rows' 95th of 100 ordered places are 1 minus that place.
    places = np.sort(np.random.default_rng(1).random((4000, 99)), axis=1)[:, 94]

    assert false_alarm_range(99, 0.05) == pytest.approx(tuple(np.quantile(1 - places, [0.025, 0.975])), abs=0.004)
    assert false_alarm_range(18, 0.05) == (0.0, 0.0)
