"""The distance of two samples by hand, its p-value by enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from audit.methods.anomaly.shift import score_shift


def largest_distance(first, second):
    return max(abs(np.mean(np.array(first) <= x) - np.mean(np.array(second) <= x)) for x in [*first, *second])


def test_distance_and_p_value_agree_with_every_split_of_seven_rows():
    first, second = [0.1, 0.9, 1.4], [1.2, 2.0, 3.0, 4.0]
    pooled = np.array(first + second)
    splits = [np.isin(np.arange(7), chosen) for chosen in itertools.combinations(range(7), 3)]
    distances = np.array([largest_distance(pooled[s], pooled[~s]) for s in splits])

    found = score_shift(np.array(first), np.array(second))

    assert found.distance == pytest.approx(largest_distance(first, second))
    assert found.p_value == pytest.approx((distances >= found.distance - 1e-12).mean())


def test_a_planted_shift_is_seen_and_none_is_not():
    generator = np.random.default_rng(0)
    calibration = generator.normal(size=1000)

    assert score_shift(generator.normal(size=1000) + 0.4, calibration).p_value < 1e-6
    assert score_shift(generator.normal(size=1000), calibration).p_value > 0.01


def test_without_rows_there_is_no_test():
    assert score_shift(np.zeros(0), np.zeros(3)) is None
    assert score_shift(np.zeros(3), np.zeros(0)) is None
