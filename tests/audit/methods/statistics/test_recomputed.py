"""Numbers of two libraries agree within rounding and chance, and no further."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from audit.errors import MethodError
from audit.methods.statistics.recomputed import compare

ONE = np.ones(1)


def test_rounding_counts_as_no_difference_and_more_does_not() -> None:
    ours, se = np.array([[1.0, 2.0]]), np.zeros((1, 2))

    within = compare(ours, ours + 9e-4, se=se, scale=ONE, freedom=1)
    beyond = compare(ours, ours + 2e-3, se=se, scale=ONE, freedom=1)

    assert within.agrees
    assert within.difference == pytest.approx(9e-4)
    assert within.in_se is within.p_value is None
    assert not beyond.agrees


def test_chance_is_tested_by_students_t_adjusted_for_all_numbers() -> None:
    ours, theirs = np.array([[1.0, 0.0]]), np.array([[1.3, 0.0]])

    found = compare(ours, theirs, se=np.full((1, 2), 0.1), scale=ONE, freedom=4, rounding=0.0)

    assert found.in_se == pytest.approx(3.0)
    assert found.p_value == pytest.approx(2 * 2 * (1 - t.cdf(3.0, 4)))
    assert found.agrees
    assert not compare(ours, theirs, se=np.full((1, 2), 0.1), scale=ONE, freedom=10_000, rounding=0.0, significance=0.01).agrees


def test_a_number_without_error_must_agree_whatever_the_others_do() -> None:
    found = compare(np.zeros((1, 2)), np.array([[0.5, 0.0]]), se=np.array([[0.0, 1.0]]), scale=ONE, freedom=3)

    assert not found.agrees
    assert found.p_value == 1.0


def test_agreement_by_chance_alone_is_kept_in_all_but_few_draws() -> None:
    generator, disagreed = np.random.default_rng(3), 0

    for _ in range(400):
        runs = generator.normal(size=(8, 3, 24))
        se = runs.std(axis=0, ddof=1) / np.sqrt(8)
        disagreed += not compare(np.zeros((3, 24)), runs.mean(axis=0), se=se, scale=np.ones(3), freedom=7, rounding=0.0, significance=0.05).agrees

    assert disagreed <= 32  # 5 % of 400, and 2.7 standard deviations more


def test_nothing_and_numbers_that_are_not_finite_are_refused() -> None:
    with pytest.raises(MethodError, match="no numbers"):
        compare(np.zeros((0, 3)), np.zeros((0, 3)), se=np.zeros((0, 3)), scale=np.zeros(0), freedom=1)
    with pytest.raises(MethodError, match="not finite"):
        compare(np.array([[np.nan]]), np.ones((1, 1)), se=np.zeros((1, 1)), scale=ONE, freedom=1)
    with pytest.raises(MethodError, match="size is 0"):
        compare(np.zeros((1, 1)), np.ones((1, 1)), se=np.zeros((1, 1)), scale=np.zeros(1), freedom=1)
