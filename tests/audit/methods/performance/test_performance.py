"""Performance measures against scikit-learn, and their errors against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from audit.methods.performance.agreement import accuracy_over_base_rate, balanced_accuracy, cohen_kappa
from audit.methods.performance.regression import mean_absolute_error, r_squared, root_mean_squared_error
from audit.methods.performance.roc import area, auc
from audit.methods.statistics.influence import standard_error
from audit.methods.statistics.intervals import Undefined

GENERATOR = np.random.default_rng(5)
LABELS = GENERATOR.integers(0, 2, 300)
SCORES = np.round(GENERATOR.normal(LABELS, 1.5), 1)  # rounding makes ties
WEIGHTS = GENERATOR.random(300) + 0.1
CLASSES, DECIDED = GENERATOR.integers(0, 4, 300), GENERATOR.integers(0, 4, 300)
QUANTITY = GENERATOR.normal(10, 3, 200)
PREDICTED = QUANTITY + GENERATOR.normal(0.5, 2, 200)


def test_auc_with_ties_agrees_with_sklearn():
    assert auc(SCORES, LABELS == 1).value == pytest.approx(metrics.roc_auc_score(LABELS, SCORES))
    assert area(SCORES, LABELS == 1) == pytest.approx(metrics.roc_auc_score(LABELS, SCORES))
    assert auc(SCORES, LABELS == 1, WEIGHTS).value == pytest.approx(metrics.roc_auc_score(LABELS, SCORES, sample_weight=WEIGHTS))


def delong_by_pairs(scores, positives):
    x, y = scores[positives], scores[~positives]
    psi = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
    return np.sqrt(psi.mean(axis=1).var(ddof=1) / len(x) + psi.mean(axis=0).var(ddof=1) / len(y))


def test_the_error_of_the_auc_is_delongs():
    found = auc(SCORES, LABELS == 1)
    half = (np.log(found.high / (1 - found.high)) - np.log(found.low / (1 - found.low))) / 2
    error = half / 1.959964 * found.value * (1 - found.value)

    assert error == pytest.approx(delong_by_pairs(SCORES, LABELS == 1), rel=0.01)


def test_perfect_and_inverted_scores_keep_an_honest_end():
    # 20 of 20 rows give 0.025 ** (1 / 20) as exact lower bound of a proportion.
    perfect = auc(np.arange(40.0), np.arange(40) >= 20)
    inverted = auc(-np.arange(40.0), np.arange(40) >= 20)

    assert (perfect.value, perfect.low) == pytest.approx((1.0, 0.025 ** (1 / 20)))
    assert (inverted.value, inverted.high) == pytest.approx((0.0, 1 - 0.025 ** (1 / 20)))


def test_a_constant_score_has_an_area_of_one_half():
    found = auc(np.ones(50), np.arange(50) < 20)

    assert found.value == 0.5
    assert found.low <= 0.5 <= found.high


def test_auc_with_one_class_is_undefined():
    assert isinstance(auc(SCORES, np.ones(300, dtype=bool)), Undefined)
    assert isinstance(auc(SCORES[:1], np.ones(1, dtype=bool)), Undefined)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_agreement_measures_equal_those_of_sklearn(weights):
    assert balanced_accuracy(CLASSES, DECIDED, weights).value == pytest.approx(
        metrics.balanced_accuracy_score(CLASSES, DECIDED, sample_weight=weights)
    )
    assert cohen_kappa(CLASSES, DECIDED, weights).value == pytest.approx(metrics.cohen_kappa_score(CLASSES, DECIDED, sample_weight=weights))


@pytest.mark.parametrize("measure", [balanced_accuracy, cohen_kappa])
def test_linearised_intervals_have_the_width_of_the_jackknife(measure):
    labels, decisions = CLASSES[:120], np.where(GENERATOR.random(120) < 0.6, CLASSES[:120], DECIDED[:120])
    left_out = np.array([measure(np.delete(labels, i), np.delete(decisions, i)).value for i in range(120)])
    jackknife = np.sqrt(119 / 120 * np.sum((left_out - left_out.mean()) ** 2))

    found = measure(labels, decisions)

    assert (found.high - found.low) / 2 / 1.980 == pytest.approx(jackknife, rel=0.04)


def test_the_gain_over_the_commonest_label_by_hand():
    labels, decisions = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1])

    assert accuracy_over_base_rate(labels, decisions).value == pytest.approx(4 / 5 - 3 / 5)
    assert accuracy_over_base_rate(labels, np.zeros(5, dtype=int)).value == 0


def test_kappa_of_one_class_throughout_is_undefined():
    assert isinstance(cohen_kappa(np.zeros(9, dtype=int), np.zeros(9, dtype=int)), Undefined)
    assert isinstance(balanced_accuracy(np.zeros(9, dtype=int), np.zeros(9, dtype=int)), Undefined)


def test_regression_measures_equal_those_of_sklearn():
    errors = PREDICTED - QUANTITY

    assert mean_absolute_error(errors).value == pytest.approx(metrics.mean_absolute_error(QUANTITY, PREDICTED))
    assert root_mean_squared_error(errors).value == pytest.approx(metrics.root_mean_squared_error(QUANTITY, PREDICTED))
    assert r_squared(QUANTITY, PREDICTED).value == pytest.approx(metrics.r2_score(QUANTITY, PREDICTED))


def test_r_squared_of_constant_labels_is_undefined():
    assert isinstance(r_squared(np.ones(9), np.arange(9.0)), Undefined)
    assert isinstance(r_squared(np.array([]), np.array([])), Undefined)


def test_the_r_squared_interval_has_the_width_of_the_jackknife():
    left_out = np.array([r_squared(np.delete(QUANTITY, i), np.delete(PREDICTED, i)).value for i in range(200)])
    jackknife = np.sqrt(199 / 200 * np.sum((left_out - left_out.mean()) ** 2))
    found = r_squared(QUANTITY, PREDICTED)

    assert (found.value - found.low) / 1.972 == pytest.approx(jackknife, rel=0.05)
    assert standard_error(np.array([1.0, -1.0])) == pytest.approx(1.0)
