"""The area against pairs counted one by one and scikit-learn, its error against DeLong by hand, its interval by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from audit.methods.statistics.influence import standard_error
from audit.methods.statistics.roc_area import independent_units, logit_interval, roc_area, score_codes


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5)), min_size=2, max_size=25))
def test_the_area_counts_weighted_pairs_with_ties_as_one_half(rows):
    scores, weights = np.array([float(s) for s, _ in rows]), np.array([float(w) for _, w in rows])
    positives = np.arange(len(rows)) % 2 == 0
    pairs = [
        (weights[i] * weights[j], 1.0 if scores[i] > scores[j] else 0.5 if scores[i] == scores[j] else 0.0)
        for i in np.flatnonzero(positives)
        for j in np.flatnonzero(~positives)
    ]

    found = roc_area(score_codes(scores), positives, weights)

    assert found.value == pytest.approx(sum(w * v for w, v in pairs) / sum(w for w, _ in pairs))
    assert np.average(found.influence, weights=weights) == pytest.approx(0, abs=1e-12)


def test_weighted_areas_agree_with_scikit_learn():
    generator = np.random.default_rng(0)
    scores, positives, weights = np.round(generator.normal(size=400), 1), generator.random(400) < 0.3, generator.uniform(0.1, 4, 400)

    assert roc_area(score_codes(scores), positives, weights).value == pytest.approx(roc_auc_score(positives, scores, sample_weight=weights))


def test_the_standard_error_is_delongs():
    """Positives 1, 3, 4 and negatives 0, 2: placements (1/2, 1, 1) with variance 1/12 and (1, 2/3) with variance 1/18."""
    found = roc_area(np.array([1, 3, 4, 0, 2]), np.array([True, True, True, False, False]))

    assert found.value == pytest.approx(5 / 6)
    # DeLong divides by m - 1 in each class; the linearisation divides by m, with n / (n - 1) for all rows.
    by_class = (1 / 12) * (2 / 3) / 3 + (1 / 18) * (1 / 2) / 2
    assert standard_error(found.influence) ** 2 == pytest.approx(by_class * 5 / 4)


def test_whole_weights_are_repeated_rows():
    scores, positives, weights = np.array([0.0, 1, 2, 1, 3]), np.array([False, True, False, False, True]), np.array([1, 3, 2, 1, 2])
    repeated = np.repeat(np.arange(5), weights)

    once = roc_area(score_codes(scores), positives, weights.astype(float))
    many = roc_area(score_codes(scores[repeated]), positives[repeated])

    assert once.value == pytest.approx(many.value)
    np.testing.assert_allclose(once.influence[repeated], many.influence)


def test_repeating_every_row_in_its_cluster_changes_nothing_but_the_number_of_rows():
    generator = np.random.default_rng(1)
    scores, positives = generator.normal(size=40), np.arange(40) % 2 == 0
    tripled = np.tile(np.arange(40), 3)

    once, thrice = (logit_interval(roc_area(score_codes(scores[i]), positives[i]), positives[i], clusters=i) for i in (np.arange(40), tripled))

    assert (thrice.value, thrice.low, thrice.high) == pytest.approx((once.value, once.low, once.high))


def test_the_scarcer_kind_counts_by_its_clusters():
    assert independent_units(np.arange(10) < 4, clusters=np.array([0, 0, 1, 1, 2, 3, 4, 5, 6, 7])) == 2
    assert independent_units(np.arange(10) < 4) == 4
    assert independent_units(np.arange(10) < 4, np.array([1.0, 1, 2, 2, 1, 1, 1, 1, 1, 1])) == pytest.approx(36 / 10)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_an_area_without_spread_keeps_the_doubt_of_its_smaller_class(value):
    positives = np.arange(30) < 10
    scores = {0.0: ~positives, 0.5: np.zeros(30), 1.0: positives}[value].astype(float)
    alike = 0.025 ** (1 / 10)

    found = logit_interval(roc_area(score_codes(scores), positives), positives)

    assert (found.value, found.low, found.high) == pytest.approx((value, value * alike, 1 - alike * (1 - value)))


@pytest.mark.slow
@pytest.mark.parametrize("clusters", [15, 40])
def test_intervals_cover_for_clustered_scores(clusters):
    """Scores share a normal part in their cluster, so positive less negative is normal whether or not they share it: area Phi(0.8 / sqrt(2))."""
    generator, hits = np.random.default_rng(2), 0
    owner, positives = np.repeat(np.arange(clusters), 6), np.tile([True, False, False], 2 * clusters)
    truth = 0.7141961775  # Phi(0.8 / sqrt(2)) for independent pairs; pairs of one cluster are one in as many as there are clusters
    between = 0.4
    for _ in range(1500):
        drawn = generator.normal(0, np.sqrt(between), (2, clusters))
        shared = np.where(positives, drawn[0][owner], drawn[1][owner])
        scores = 0.8 * positives + shared + generator.normal(0, np.sqrt(1 - between), len(owner))
        found = logit_interval(roc_area(score_codes(scores), positives), positives, clusters=owner)
        hits += found.low <= truth <= found.high

    assert hits / 1500 >= 0.93
