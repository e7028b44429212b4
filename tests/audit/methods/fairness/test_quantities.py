"""Statistics of quantities by group: standard errors against a plain sum over clusters, coverage by simulation, invariances by Hypothesis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.methods.fairness.quantities import group_interval, quantity_difference, quantity_ratio
from audit.methods.fairness.quantity_errors import (
    correlation_difference,
    correlation_interval,
    group_correlation,
    group_mean,
    group_r_squared,
    group_root_mean_square,
)
from audit.methods.statistics.influence import standard_error
from audit.methods.statistics.intervals import Interval, Undefined


def half(estimate: object) -> float:
    assert isinstance(estimate, Interval)
    return (estimate.high - estimate.low) / 2


def test_homes_with_members_on_both_sides_are_summed_before_squaring() -> None:
    generator = np.random.default_rng(0)
    homes = np.repeat(np.arange(50), 4)
    side = np.tile([0, 0, 1, 1], 50).astype(bool)
    values = generator.normal(size=50)[homes] + 0.1 * generator.normal(size=200)
    ours, theirs = (group_mean(values[mask], None, homes[mask]) for mask in (~side, side))

    shared = quantity_difference(ours, theirs, what="means")

    psi = np.where(side, -(values - values[side].mean()) * 2, (values - values[~side].mean()) * 2)
    assert half(shared) == pytest.approx(2.0 * standard_error(psi, None, homes), rel=0.01)  # t of about 98 degrees of freedom
    assert half(shared) < 0.2 * half(quantity_difference(ours, group_mean(values[side], None, homes[side] + 50), what="means"))


@given(st.lists(st.floats(-1e3, 1e3), min_size=8, max_size=30), st.floats(0.1, 100))
def test_a_change_of_unit_changes_no_ratio(values: list[float], factor: float) -> None:
    errors = np.array(values) + 5000.0
    first, second = (group_root_mean_square(part) for part in (errors[:4].repeat(2), errors[4:].repeat(2)))
    scaled = [group_root_mean_square(part * factor) for part in (errors[:4].repeat(2), errors[4:].repeat(2))]

    plain, other = quantity_ratio(first, second, what="errors"), quantity_ratio(scaled[0], scaled[1], what="errors")

    assert isinstance(plain, Interval)
    assert isinstance(other, Interval)
    assert (other.value, other.low, other.high) == pytest.approx((plain.value, plain.low, plain.high), rel=1e-6)


def test_numbers_that_do_not_vary_have_no_r_squared_and_no_correlation() -> None:
    alike, ramp = np.full(20, 0.1), np.arange(20.0)

    assert isinstance(group_r_squared(alike, ramp), Undefined)
    assert isinstance(group_correlation(alike, ramp), Undefined)
    assert isinstance(group_correlation(ramp, alike), Undefined)
    assert isinstance(group_mean(np.empty(0)), Undefined)
    assert isinstance(group_root_mean_square(np.empty(0)), Undefined)


def test_one_row_has_no_interval() -> None:
    assert isinstance(group_interval(group_mean(np.ones(1)), what="mean"), Undefined)


def test_a_perfect_line_has_a_correlation_of_one() -> None:
    found = correlation_interval(group_correlation(np.arange(20.0), 3 * np.arange(20.0) + 1))

    assert isinstance(found, Interval)
    assert found.value == pytest.approx(1.0)
    assert found.high <= 1.0


STATISTICS = {
    "rmse difference": (lambda y, p: group_root_mean_square(p - y), quantity_difference, 1.0 - 2.0),
    "rmse ratio": (lambda y, p: group_root_mean_square(p - y), quantity_ratio, 0.5),
    "R squared difference": (group_r_squared, quantity_difference, (1 - 1 / 9) - (1 - 4 / 9)),
    "correlation difference": (group_correlation, lambda one, two, what: correlation_difference(one, two), 3 / np.sqrt(10) - 3 / np.sqrt(13)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", STATISTICS)
def test_intervals_cover_in_nineteen_of_twenty_samples(name: str) -> None:
    compute, compare, truth = STATISTICS[name]
    generator = np.random.default_rng(7)
    covered = 0
    for _ in range(2000):
        labels = [generator.normal(0, 3, 120), generator.normal(0, 3, 80)]
        sides = [compute(y, y + generator.normal(0, spread, len(y))) for y, spread in zip(labels, (1.0, 2.0), strict=True)]
        found = compare(sides[0], sides[1], what="x")
        assert isinstance(found, Interval)
        covered += found.low <= truth <= found.high

    assert 0.93 <= covered / 2000 <= 0.97
