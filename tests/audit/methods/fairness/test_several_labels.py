"""Differences between groups of rows that carry several labels, against differences counted by hand and simulated coverage."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score

from audit.methods.fairness.several_labels import exact_difference, hamming_difference, label_difference, label_gaps, macro_difference
from audit.methods.statistics.intervals import Interval, Undefined
from audit.methods.statistics.label_rates import RATES, LabelRows


def made(n: int, seed: int, right: float = 0.8) -> LabelRows:
    generator = np.random.default_rng(seed)
    truth = (generator.normal(size=(n, 1)) + generator.normal(size=(n, 4)) > 0).astype(np.int8)
    return LabelRows(truth, np.where(generator.random((n, 4)) < right, truth, 1 - truth).astype(np.int8))


def test_differences_are_group_minus_reference() -> None:
    group, reference = made(300, 1, 0.7), made(400, 2, 0.9)

    recalls = [recall_score(rows.labels, rows.decisions, average=None) for rows in (group, reference)]
    gaps = recalls[0] - recalls[1]
    macro, one = macro_difference(group, reference, "true_positive_rate"), label_difference(group, reference, "true_positive_rate", 2)
    mean, largest = label_gaps(group, reference, "true_positive_rate")
    f1 = macro_difference(group, reference, "f1")

    assert isinstance(macro, Interval)
    assert macro.value == pytest.approx(gaps.mean())
    assert macro.high < 0
    assert isinstance(one, Interval)
    assert one.value == pytest.approx(gaps[2])
    assert isinstance(mean, Interval)
    assert isinstance(largest, Interval)
    assert (mean.value, largest.value) == pytest.approx((np.abs(gaps).mean(), np.abs(gaps).max()))
    assert isinstance(f1, Interval)
    scores = [f1_score(rows.labels, rows.decisions, average="macro") for rows in (group, reference)]
    assert f1.value == pytest.approx(scores[0] - scores[1])


def test_whole_rows_are_compared_too() -> None:
    group, reference = made(500, 3, 0.7), made(500, 4, 0.9)

    exact, wrong = exact_difference(group, reference), hamming_difference(group, reference)

    shares = [accuracy_score(rows.labels, rows.decisions) for rows in (group, reference)]
    assert isinstance(exact, Interval)
    assert exact.value == pytest.approx(shares[0] - shares[1])
    assert isinstance(wrong, Interval)
    assert 0.1 < wrong.low < wrong.value < wrong.high < 0.3


def test_a_tiny_group_decides_nothing() -> None:
    for name in RATES:
        assert isinstance(macro_difference(made(3, 5), made(300, 6), name), Undefined)
        assert all(isinstance(one, Undefined) for one in label_gaps(made(3, 5), made(300, 6), name))


def test_a_side_where_everything_is_right_keeps_a_doubt() -> None:
    group = made(60, 7, 1.0)

    held = macro_difference(group, made(60, 8, 1.0), "true_positive_rate")

    assert isinstance(held, Interval)
    assert held.low < -0.01 < 0.01 < held.high


@pytest.mark.slow
def test_intervals_of_gaps_between_equal_groups_reach_zero() -> None:
    generator = np.random.default_rng(12)
    seeds = generator.integers(0, 2**31, (300, 2))
    held = {"difference": 0, "largest": 0}
    for one, two in seeds:
        group, reference = made(150, int(one)), made(250, int(two))
        difference, largest = macro_difference(group, reference, "true_positive_rate"), label_gaps(group, reference, "true_positive_rate")[1]
        assert isinstance(difference, Interval)
        assert isinstance(largest, Interval)
        held["difference"] += difference.low <= 0 <= difference.high
        held["largest"] += largest.low <= 0

    assert 0.92 <= held["difference"] / 300 <= 0.98
    assert held["largest"] / 300 >= 0.93
