"""Differences of means and medians of scores against numpy, with weights as copies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.methods.fairness.score_shifts import Sample, mean_shift, median_shift

GENERATOR = np.random.default_rng(0)
FIRST, SECOND = GENERATOR.normal(size=80), GENERATOR.normal(0.7, 2, 120)


def test_the_difference_of_means_is_welchs():
    found, welch = mean_shift(Sample(FIRST), Sample(SECOND)), stats.ttest_ind(FIRST, SECOND, equal_var=False).confidence_interval()

    assert found.value == pytest.approx(FIRST.mean() - SECOND.mean())
    assert (found.low, found.high) == pytest.approx((welch.low, welch.high))


def test_the_difference_of_medians_is_that_of_numpy():
    assert median_shift(Sample(FIRST), Sample(SECOND)).value == pytest.approx(np.median(FIRST) - np.median(SECOND))


def test_weights_move_the_median():
    weights = np.where(FIRST > 0, 9.0, 1.0)

    found = median_shift(Sample(FIRST, weights), Sample(SECOND, np.ones(120)))

    assert found.value > median_shift(Sample(FIRST), Sample(SECOND)).value + 0.2
