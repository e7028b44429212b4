"""Means, quantiles, differences and standard errors against scipy and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.methods.statistics.correlation import correlation
from audit.methods.statistics.influence import standard_error
from audit.methods.statistics.intervals import Interval, Undefined
from audit.methods.statistics.means import effective_n, mean_difference, mean_interval, median_difference, quantile_interval

VALUES = np.random.default_rng(0).normal(3, 2, 50)


def test_the_mean_has_the_t_interval_of_scipy():
    expected = stats.ttest_1samp(VALUES, 0).confidence_interval(0.95)

    found = mean_interval(VALUES)

    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_welch_agrees_with_scipy():
    other = np.random.default_rng(1).normal(2, 5, 23)
    expected = stats.ttest_ind(VALUES, other, equal_var=False).confidence_interval(0.95)

    found = mean_difference(VALUES, other)

    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_repeated_rows_in_clusters_are_worth_their_clusters():
    clusters = np.repeat(np.arange(50), 4)

    assert standard_error(np.repeat(VALUES - VALUES.mean(), 4), None, clusters) == pytest.approx(standard_error(VALUES - VALUES.mean()))


def test_one_row_has_no_interval():
    assert isinstance(mean_interval(np.array([1.0])), Undefined)
    assert isinstance(mean_interval(np.array([])), Undefined)
    assert isinstance(mean_difference(VALUES, np.array([1.0])), Undefined)


def test_effective_n_is_kish():
    assert effective_n(np.array([1.0, 1, 1, 1])) == 4
    assert effective_n(np.array([3.0, 1])) == pytest.approx(1.6)


def test_the_median_interval_agrees_with_scipy():
    expected = stats.quantile_test(VALUES, q=0, p=0.5).confidence_interval(0.95)

    found = quantile_interval(VALUES)

    assert found.value == np.median(VALUES)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("q", [0.05, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("n", [60, 61, 100, 2_000, 50_001])
def test_the_ends_of_a_quantile_are_at_the_ranks_of_scipys_binomial(n, q):
    below, above = stats.binom.ppf([0.025, 0.975], n, q)

    found = quantile_interval(np.arange(1.0, n + 1), q)

    if below < 1:
        assert isinstance(found, Undefined)
    else:
        assert (found.low, found.high) == (below, above + 1)


@pytest.mark.parametrize("q", [0.0, 1.0])
def test_the_ends_of_the_data_have_no_interval(q):
    assert isinstance(quantile_interval(np.arange(50.0), q), Undefined)


def test_five_rows_are_too_few_for_a_median_interval_and_six_are_enough():
    # With 5 rows the full range covers the median with probability 1 - 2/32 = 0.9375 only; with 6 rows 0.96875.
    assert isinstance(quantile_interval(np.arange(5.0)), Undefined)
    found = quantile_interval(np.arange(6.0))
    assert (found.low, found.high) == (0, 5)


@pytest.mark.parametrize("n", [6, 15, 40])
def test_the_median_interval_covers_at_least_as_often_as_it_says(n):
    generator = np.random.default_rng(n)

    covered = [(found := quantile_interval(generator.random(n))).low <= 0.5 <= found.high for _ in range(800)]

    assert np.mean(covered) >= 0.93


def test_the_median_difference_of_shifted_copies_is_the_shift():
    found = median_difference(VALUES + 7, VALUES)

    assert found.value == pytest.approx(7)
    assert found.low < 7 < found.high


def test_correlation_agrees_with_scipy():
    other = VALUES + np.random.default_rng(2).normal(0, 3, 50)
    expected = stats.pearsonr(VALUES, other)

    found = correlation(VALUES, other)

    assert (found.value, found.low, found.high) == pytest.approx((expected.statistic, *expected.confidence_interval(0.95)))
    assert isinstance(correlation(VALUES, np.ones(50)), Undefined)
    assert isinstance(correlation(VALUES, -VALUES), Interval)


def test_the_mean_interval_covers_about_as_often_as_it_says():
    drawn = np.random.default_rng(11).exponential(size=(3000, 200)) - 1

    covered = [(found := mean_interval(row)).low <= 0 <= found.high for row in drawn]

    assert np.mean(covered) == pytest.approx(0.945, abs=0.015)  # skew costs a little at 200 rows
