"""Flips, shortfall, power, bounds and crossings, against brute force."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.methods.fairness.bounds import rate_bounds
from audit.methods.fairness.comparisons import compare, highest_rate, largest_group
from audit.methods.fairness.flips import flips_to_lift, flips_to_reverse, shortfall, smallest_detectable_ratio
from audit.methods.fairness.intersections import cross
from audit.methods.statistics.intervals import Undefined
from audit.methods.statistics.proportions import Share, two_proportion_p


@given(st.integers(1, 25), st.integers(1, 25), st.data(), st.sampled_from([Fraction(4, 5), Fraction(1)]))
def test_flips_are_the_fewest_swaps_by_trial(n, m, data, limit):
    s, r = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))

    def enough(k):
        return Fraction(s + k, n) >= limit * Fraction(r - k, m)

    assert flips_to_lift(s, n, r, m, limit=limit) == next(k for k in range(max(n, m) + 1) if enough(k))


def test_one_person_can_carry_the_direction():
    assert flips_to_reverse(2, 5, 3, 5) == 1
    assert flips_to_reverse(3, 5, 2, 5) == 0


def test_shortfall_is_what_the_reference_rate_would_have_given():
    assert shortfall(30, 100, 0.5) == 20


def test_a_network_at_the_smallest_detectable_ratio_is_found_four_times_in_five():
    ratio = smallest_detectable_ratio(300, 400, 0.5)
    generator = np.random.default_rng(0)
    groups, references = generator.binomial(300, ratio * 0.5, 3000), generator.binomial(400, 0.5, 3000)

    found = [two_proportion_p(Share(int(x), 300, 300), Share(int(y), 400, 400)) < 0.05 for x, y in zip(groups, references, strict=True)]

    assert np.mean(found) == pytest.approx(0.8, abs=0.03)


def test_four_rows_can_detect_nothing():
    assert isinstance(smallest_detectable_ratio(4, 4, 0.5), Undefined)
    assert isinstance(smallest_detectable_ratio(4, 4, 1.0), Undefined)


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 4), st.integers(0, 4))
def test_bounds_hold_every_assignment_of_the_unknown(chosen, refused, unknown_chosen, unknown_refused):
    bounds = rate_bounds(chosen, chosen + refused, unknown_chosen, unknown_chosen + unknown_refused)

    rates = [
        Fraction(chosen + a, chosen + refused + a + b)
        for a in range(unknown_chosen + 1)
        for b in range(unknown_refused + 1)
        if chosen + refused + a + b
    ]
    if bounds is not None and chosen + refused:
        assert (bounds.low, bounds.high) == pytest.approx((float(min(rates)), float(max(rates))))


def test_crossing_keeps_known_cells_only():
    crossed = cross(np.array([0, 0, 1, -1, 1]), np.array([1, 0, 1, 0, -1]))

    assert crossed.cells == ((0, 0), (0, 1), (1, 1))
    assert crossed.codes.tolist() == [1, 0, 2, -1, -1]


def test_the_reference_has_the_highest_rate_among_groups_with_enough_rows():
    shares = [Share(10, 10, 10), Share(60, 100, 100), Share(50, 100, 100)]

    assert highest_rate(shares, fewest_rows=30) == 1
    assert highest_rate([Share(3, 10, 10), Share(8, 10, 10)], fewest_rows=30) == 1
    assert highest_rate([Share(1, 2, 2)], fewest_rows=30) is None
    assert largest_group([0, 0]) is None
    assert largest_group([]) is None


def test_four_rows_are_not_compared():
    assert isinstance(compare(Share(2, 4, 4), Share(50, 100, 100)).ratio, Undefined)
