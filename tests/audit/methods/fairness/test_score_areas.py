"""Areas against pair-by-pair counting, scikit-learn, and the interval of `audit.methods.performance.roc`."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from audit.methods.fairness.score_areas import area_difference, area_interval, score_area
from audit.methods.performance.roc import auc
from audit.methods.statistics.intervals import Interval, Undefined


def coded(scores):
    return np.unique(scores, return_inverse=True)[1]


def sides(labels, among=None):
    kept = np.ones(len(labels), bool) if among is None else among
    return np.flatnonzero((labels == 1) & kept), np.flatnonzero((labels == 0) & kept)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 1)), min_size=2, max_size=30))
def test_the_area_counts_pairs_with_ties_as_one_half(pairs):
    scores, labels = np.array([s for s, _ in pairs]), np.array([y for _, y in pairs])
    up, down = scores[labels == 1], scores[labels == 0]
    found = score_area(coded(scores), *sides(labels))
    if min(len(up), len(down)) == 0:
        assert isinstance(found, Undefined)
        return

    counted = np.mean([1.0 if a > b else 0.5 if a == b else 0.0 for a in up for b in down])

    assert found.value == pytest.approx(counted)


def test_weights_agree_with_scikit_learn():
    generator = np.random.default_rng(0)
    scores, labels, weights = np.round(generator.normal(size=300), 1), generator.integers(0, 2, 300), generator.uniform(0.1, 3, 300)

    found = score_area(coded(scores), *sides(labels), weights)

    assert found.value == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("clustered", [False, True])
def test_the_interval_is_that_of_the_area_of_all_rows(weighted, clustered):
    generator = np.random.default_rng(1)
    scores, labels = np.round(generator.normal(size=200), 1), generator.integers(0, 2, 200)
    weights = generator.uniform(0.1, 3, 200) if weighted else None
    clusters = np.arange(200) // 4 if clustered else None

    found = area_interval(score_area(coded(scores), *sides(labels), weights), weights, clusters=clusters)
    known = auc(scores, labels == 1, weights, clusters=clusters)

    assert (found.value, found.low, found.high) == pytest.approx((known.value, known.low, known.high))


def test_an_area_of_one_keeps_doubt():
    found = area_interval(score_area(np.arange(20), np.arange(10, 20), np.arange(10)))

    assert found.value == found.high == 1
    assert found.low == pytest.approx(0.025 ** (1 / 10))


def test_an_area_less_itself_in_the_same_clusters_is_zero():
    scores, labels = np.tile(np.random.default_rng(0).normal(size=50), 2), np.tile(np.arange(50) % 2, 2)
    first = np.arange(100) < 50

    areas = [score_area(coded(scores), *sides(labels, among)) for among in (first, ~first)]
    found = area_difference(areas[0], areas[1], 100, clusters=np.tile(np.arange(50), 2))

    assert found.value == 0


def test_a_group_without_positives_has_no_difference():
    area = score_area(np.arange(4), np.array([1, 3]), np.array([0, 2]))

    assert isinstance(area_difference(Undefined("no positives", 3), area, 7), Undefined)


@pytest.mark.slow
@pytest.mark.parametrize("separation", [(0.3, 0.8), (1.5, 2.5)])
def test_intervals_of_differences_cover(separation):
    """The area of normals d apart is the normal probability of d / sqrt(2)."""
    truth = NormalDist().cdf(separation[0] / 2**0.5) - NormalDist().cdf(separation[1] / 2**0.5)
    generator, hits = np.random.default_rng(2), 0
    labels, first = np.tile([0, 1], 100), np.arange(200) < 100
    for _ in range(2000):
        scores = generator.normal(size=200) + labels * np.where(first, *separation)
        areas = [score_area(coded(scores), *sides(labels, among)) for among in (first, ~first)]
        found = area_difference(areas[0], areas[1], 200)
        assert isinstance(found, Interval)
        hits += found.low <= truth <= found.high

    assert hits / 2000 > 0.94
