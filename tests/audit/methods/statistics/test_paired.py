"""Paired proportions against published intervals, sklearn and enumeration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.paired import difference_of, mcnemar_p, paired_difference


def pair(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    cells = np.repeat([0, 1, 2, 3], [both, first, second, neither])
    return cells <= 1, (cells == 0) | (cells == 2)


def test_the_interval_is_the_one_newcombe_printed() -> None:
    found = paired_difference(*pair(36, 12, 2, 0))  # Newcombe 1998, table II, method 10

    assert isinstance(found, Interval)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0569, 0.3404), abs=5e-5)


def test_without_differing_rows_the_interval_still_has_width() -> None:
    found = paired_difference(*pair(30, 0, 0, 10))

    assert isinstance(found, Interval)
    assert found.value == 0
    assert found.low < 0 < found.high


def test_the_value_is_the_difference_of_weighted_accuracies() -> None:
    generator = np.random.default_rng(1)
    first, second, weights = generator.random(80) < 0.7, generator.random(80) < 0.5, generator.random(80) + 0.1
    found = paired_difference(first, second, weights)
    truth = np.ones(80, dtype=bool)

    expected = accuracy_score(truth, first, sample_weight=weights) - accuracy_score(truth, second, sample_weight=weights)
    assert isinstance(found, Interval)
    assert found.value == pytest.approx(expected)


def test_mcnemar_counts_every_split_at_most_as_likely() -> None:
    splits = [math.comb(14, k) / 2**14 for k in range(15)]

    assert mcnemar_p(*pair(36, 12, 2, 0)) == pytest.approx(sum(p for p in splits if p <= splits[2] * (1 + 1e-9)))
    assert mcnemar_p(*pair(5, 0, 0, 5)) == 1


def test_distances_of_independent_ends_add_as_squares() -> None:
    found = difference_of(Interval(0.5, 0.2, 0.6, 10, "a"), Interval(0.1, 0.0, 0.5, 20, "b"), what="shares")

    assert isinstance(found, Interval)
    assert (found.value, found.low, found.high, found.n) == pytest.approx((0.4, 0.4 - 0.5, 0.4 + math.hypot(0.1, 0.1), 30))
