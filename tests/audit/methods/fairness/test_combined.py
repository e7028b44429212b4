"""Combinations of intervals: exact where closed forms exist, and holding as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from audit.methods.fairness.combined import largest_size, mean_size, odds, smallest_ratio, spread, weighted_sum
from audit.methods.statistics.intervals import Interval, Undefined
from audit.methods.statistics.proportions import Share, newcombe_difference, proportion_interval, wilson
from audit.methods.statistics.simultaneous import bonferroni

NOTHING = Undefined("nothing", 3)


def interval(value: float, low: float, high: float) -> Interval:
    return Interval(value, low, high, 10, "m")


def test_the_difference_of_two_wilson_intervals_is_newcombes() -> None:
    one, two = Share(30, 100, 100), Share(45, 90, 90)

    found = weighted_sum((wilson(one), wilson(two)), (1, -1), what="difference")

    expected = newcombe_difference(one, two)
    assert isinstance(found, Interval)
    assert isinstance(expected, Interval)
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_sizes_are_never_negative_and_reach_zero_where_an_interval_does() -> None:
    across, beyond = interval(0.1, -0.05, 0.2), interval(-0.3, -0.4, -0.2)

    largest, mean = largest_size((across, beyond), what="l"), mean_size((across, beyond), what="m")

    assert isinstance(largest, Interval)
    assert isinstance(mean, Interval)
    assert (largest.value, largest.low, largest.high) == pytest.approx((0.3, 0.2, 0.4))
    assert (mean.value, mean.low, mean.high) == pytest.approx((0.2, 0.1, 0.3))
    assert largest_size((across,), what="l").low == 0  # type: ignore[union-attr]


def test_spread_and_ratio_compare_the_extremes() -> None:
    parts = (interval(0.2, 0.1, 0.3), interval(0.5, 0.4, 0.6), NOTHING)

    gap, ratio = spread(parts, what="g"), smallest_ratio(parts, what="r")

    assert isinstance(gap, Interval)
    assert isinstance(ratio, Interval)
    assert (gap.value, gap.low, gap.high) == pytest.approx((0.3, 0.1, 0.5))
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((0.4, 0.1 / 0.6, 0.3 / 0.4))


def test_what_is_undefined_stays_so() -> None:
    assert weighted_sum((interval(1, 0, 2), NOTHING), (1, 1), what="s") == NOTHING
    assert largest_size((NOTHING,), what="s") == NOTHING
    assert mean_size((NOTHING,), what="s") == NOTHING
    assert isinstance(spread((interval(1, 0, 2), NOTHING), what="s"), Undefined)
    assert isinstance(smallest_ratio((interval(0, 0, 0.2), interval(0, 0, 0.1)), what="s"), Undefined)
    assert isinstance(odds(interval(1.0, 0.8, 1.0), what="o"), Undefined)


def test_odds_transform_the_ends() -> None:
    found = odds(interval(0.25, 0.2, 0.5), what="o")

    assert isinstance(found, Interval)
    assert (found.value, found.low, found.high) == pytest.approx((1 / 3, 0.25, 1.0))


@pytest.mark.parametrize(("first", "second"), [((0.8, 0.8), (0.2, 0.2)), ((0.8, 0.6), (0.2, 0.3)), ((0.95, 0.9), (0.05, 0.02))])
def test_intervals_of_equalized_odds_hold_as_often_as_they_say(first: tuple[float, float], second: tuple[float, float]) -> None:
    generator, held, draws = np.random.default_rng(4), 0, 600
    truth = max(abs(first[0] - first[1]), abs(second[0] - second[1]))

    for _ in range(draws):
        parts = []
        for rates in (first, second):
            shares = [Share(float(generator.binomial(120, rate)), 120.0, 120) for rate in rates]
            parts.append(newcombe_difference(shares[0], shares[1], confidence=bonferroni(0.95, 2)))
        found = largest_size(parts, what="x")
        held += isinstance(found, Interval) and found.low - 1e-12 <= truth <= found.high

    assert held >= 0.93 * draws


def test_intervals_of_the_largest_gap_hold_over_many_groups() -> None:
    generator, held = np.random.default_rng(5), 0

    for _ in range(300):
        shares = [Share(float(generator.binomial(80, 0.4)), 80.0, 80) for _ in range(6)]
        found = spread([proportion_interval(share, confidence=bonferroni(0.95, 6)) for share in shares], what="x")
        held += isinstance(found, Interval) and found.low == 0

    assert held >= 0.95 * 300
