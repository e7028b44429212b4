"""Average precision agrees with scikit-learn, and its interval with the formula it names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.metrics import average_precision_score

from audit.methods.performance.average_precision import average_precision
from audit.methods.statistics.intervals import Interval, Undefined


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans(), st.floats(0.1, 9)), min_size=2, max_size=60))
def test_it_is_that_of_scikit_learn_with_ties_and_weights(rows: list[tuple[int, bool, float]]) -> None:
    scores, positives, weights = (np.array(column) for column in zip(*rows, strict=True))
    assume(0 < positives.sum() < len(positives))

    plain, weighted = average_precision(scores, positives), average_precision(scores, positives, weights)

    assert isinstance(plain, Interval)
    assert isinstance(weighted, Interval)
    assert plain.value == pytest.approx(average_precision_score(positives, scores), abs=1e-12)
    assert weighted.value == pytest.approx(average_precision_score(positives, scores, sample_weight=weights), abs=1e-12)
    assert 0 <= plain.low <= plain.value <= plain.high <= 1


def test_the_interval_is_the_logit_one_of_the_positive_rows() -> None:
    generator = np.random.default_rng(0)
    positives = np.arange(200) < 40
    scores = generator.normal(size=200) + positives

    found = average_precision(scores, positives)

    assert isinstance(found, Interval)
    error = 1 / np.sqrt(40 * found.value * (1 - found.value))
    assert (found.low, found.high) == pytest.approx(tuple(expit(logit(found.value) + np.array([-1, 1]) * 1.959963985 * error)))


def test_clusters_widen_it_to_the_number_of_clusters_with_positive_rows() -> None:
    positives = np.arange(200) < 40
    scores = np.random.default_rng(0).normal(size=200) + positives

    few = average_precision(scores, positives, clusters=np.arange(200) // 4)

    assert isinstance(few, Interval)
    error = 1 / np.sqrt(10 * few.value * (1 - few.value))
    assert few.low == pytest.approx(expit(logit(few.value) - 1.959963985 * error))
    assert "10 clusters" in few.method


def test_the_interval_covers_about_as_often_as_it_says() -> None:
    # The area under the precision-recall curve of two normals at a share of one third, from a very large sample.
    generator = np.random.default_rng(1)
    positives = np.arange(300_000) % 3 == 0
    truth = average_precision_score(positives, generator.normal(size=300_000) + positives)
    small = positives[:150]

    held = [average_precision(generator.normal(size=150) + small, small) for _ in range(400)]

    assert np.mean([one.low <= truth <= one.high for one in held if isinstance(one, Interval)]) > 0.93


def test_a_perfect_ranking_keeps_its_doubt() -> None:
    found = average_precision(np.arange(10.0), np.arange(10) >= 6)

    assert isinstance(found, Interval)
    assert found.value == found.high == 1
    assert found.low == pytest.approx(0.025**0.25)


@pytest.mark.parametrize("positives", [np.zeros(4, dtype=np.bool_), np.ones(4, dtype=np.bool_)])
def test_one_class_has_none(positives: np.ndarray) -> None:
    assert isinstance(average_precision(np.arange(4.0), positives), Undefined)
