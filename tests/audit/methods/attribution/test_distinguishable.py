"""Made rows, halves of them and forests about them, against what follows from how they were made."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from audit.errors import MethodError
from audit.methods.attribution.distinguishable import detector_scores, drawn_coalitions, folds_of, kernel_regression, least_half, transfer


def test_sizes_of_coalitions_follow_the_shapley_kernel():
    sizes = drawn_coalitions(np.random.default_rng(0), 40_000, 5).sum(axis=1)

    weight = np.array([1 / 4, 1 / 6, 1 / 6, 1 / 4])
    np.testing.assert_allclose(np.bincount(sizes, minlength=5)[1:] / 40_000, weight / weight.sum(), atol=0.01)
    with pytest.raises(MethodError, match="fewer than two players"):
        drawn_coalitions(np.random.default_rng(0), 3, 1)


def test_the_regression_finds_the_parts_of_a_sum():
    parts = np.array([2.0, -1.0, 0.0, 0.5])
    inside = drawn_coalitions(np.random.default_rng(0), 500, 4)

    np.testing.assert_allclose(kernel_regression(inside, 3 + inside @ parts), parts, atol=0.01)


def test_half_of_every_stratum_is_kept_and_it_is_the_least_told():
    kept = least_half(np.array([0.9, 0.1, 0.5, 0.2, 0.3, 0.8, 0.7]), np.array([0, 0, 0, 0, 1, 1, 1]))

    assert kept.tolist() == [False, True, False, True, True, False, True]


def test_rows_made_of_rows_held_back_are_not_known_by_heart():
    """Made rows that are copies of real ones cannot be told, however well the forest remembers those it has seen."""
    generator = np.random.default_rng(3)
    real, fold = generator.normal(size=(200, 4)), folds_of(200, 4, generator)

    scores = detector_scores(real, real.copy(), np.arange(200), fold, seed=0)

    assert roc_auc_score(np.repeat([0, 1], 200), scores) == pytest.approx(0.5)


def test_what_is_answered_otherwise_does_not_transfer_and_what_is_one_function_does():
    generator = np.random.default_rng(4)
    real, made, origin = generator.normal(size=(300, 3)), generator.normal(size=(600, 3)), np.repeat(np.arange(300), 2)
    fold = folds_of(300, 3, generator)
    outputs = real[:, [0]]

    same = transfer(real, outputs, made, made[:, [0]], origin, fold, seed=0)
    other = transfer(real, outputs, made, -made[:, [0]], origin, fold, seed=0)

    assert same is not None
    assert other is not None
    assert same.made.mean() < 0.1
    assert other.made.mean() == pytest.approx(4, rel=0.15)  # the variance of x + x over that of x
    np.testing.assert_array_equal(same.own, other.own)
    assert transfer(real, np.ones((300, 1)), made, np.ones((600, 1)), origin, fold, seed=0) is None


def test_folds_are_of_equal_size_and_need_rows():
    assert np.bincount(folds_of(10, 3, np.random.default_rng(0))).tolist() == [4, 3, 3]
    with pytest.raises(MethodError, match="too few"):
        folds_of(5, 3, np.random.default_rng(0))
