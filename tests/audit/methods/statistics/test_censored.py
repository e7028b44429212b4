"""Quantiles of censored scales against numbers counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from audit.methods.statistics.censored import censored_median_difference, censored_quantile, weighted_quantile
from audit.methods.statistics.intervals import Interval, Undefined

SCALES = np.arange(1.0, 101.0)
NONE = np.zeros(100, dtype=bool)


def test_weighted_quantile_counts_weight() -> None:
    assert weighted_quantile(SCALES, 0.25) == 25
    assert weighted_quantile(np.array([1.0, 2.0, 3.0]), 0.5, np.array([1.0, 1.0, 6.0])) == 3


def test_without_censoring_the_interval_is_the_one_of_the_ranks() -> None:
    found = censored_quantile(SCALES, NONE, 0.5, largest=200.0)

    # Wilson's ends of 50 of 100 are 0.4038 and 0.5962, so ranks 41 and 60.
    assert isinstance(found, Interval)
    assert (found.value, found.low, found.high) == (50.0, 41.0, 60.0)


def test_censored_rows_count_as_beyond() -> None:
    censored = SCALES > 55

    found = censored_quantile(np.where(censored, np.nan, SCALES), censored, 0.5, largest=55.0)

    assert isinstance(found, Interval)
    assert (found.value, found.high) == (50.0, 55.0)
    assert "beyond 55" in found.method


def test_a_quantile_beyond_the_largest_scale_is_undefined() -> None:
    censored = SCALES > 40

    assert isinstance(censored_quantile(SCALES, censored, 0.5, largest=40.0), Undefined)
    assert isinstance(censored_quantile(SCALES[:0], NONE[:0], 0.5, largest=40.0), Undefined)


@pytest.mark.parametrize("q", [0.1, 0.25, 0.5])
def test_the_interval_covers_in_about_95_of_100_samples(q: float) -> None:
    generator = np.random.default_rng(0)
    truth, hits = -np.log(1 - q), 0
    for _ in range(400):
        scales = generator.exponential(size=150)
        found = censored_quantile(scales, scales > 3.0, q, largest=3.0)
        assert isinstance(found, Interval)
        hits += found.low <= truth <= found.high

    assert 0.92 <= hits / 400 <= 0.99


def test_a_difference_of_medians_recovers_the_variances_of_both() -> None:
    generator = np.random.default_rng(1)
    one, two = generator.exponential(1.0, 400), generator.exponential(1.5, 500)

    found = censored_median_difference((one, one > 3), (two, two > 3), largest=3.0)

    sides = [censored_quantile(values, values > 3, 0.5, largest=3.0) for values in (one, two)]
    assert isinstance(found, Interval)
    assert found.value == pytest.approx(np.sort(one)[199] - np.sort(two)[249])
    assert found.value - found.low == pytest.approx(np.hypot(sides[0].value - sides[0].low, sides[1].high - sides[1].value))


def test_a_difference_is_undefined_where_an_interval_reaches_beyond() -> None:
    one, two = np.linspace(0.1, 1, 50), np.linspace(0.1, 2, 50)

    assert isinstance(censored_median_difference((one, one > 0.5), (two, two > 0.5), largest=0.5), Undefined)
