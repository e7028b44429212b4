"""Areas within folds against sklearn; p values against Mann and Whitney; coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from audit.methods.fairness.predictability import chance_p, fold_area, level_shares
from audit.methods.statistics.intervals import Interval, Undefined


def test_the_area_is_the_mean_over_folds_of_that_of_sklearn() -> None:
    generator = np.random.default_rng(0)
    positives, folds = generator.random(400) < 0.4, generator.permutation(400) % 5
    scores, weights = np.round(generator.normal(positives, 1), 1), generator.uniform(0.5, 2, 400)

    found = fold_area(scores, positives, folds, weights)

    areas = [roc_auc_score(positives[folds == f], scores[folds == f], sample_weight=weights[folds == f]) for f in range(5)]
    assert isinstance(found, Interval)
    assert found.value == pytest.approx(np.average(areas, weights=np.bincount(folds, weights=weights)))


def test_scores_of_different_folds_are_never_held_against_each_other() -> None:
    positives, folds = np.tile([False, True], 20), np.repeat([0, 1], 20)
    scores = positives + 100.0 * folds

    found = fold_area(scores, positives, folds)

    assert isinstance(found, Interval)
    assert found.value == 1.0
    assert found.low < 1.0


def test_the_p_value_is_nearly_that_of_mann_and_whitney() -> None:
    generator = np.random.default_rng(1)
    positives = generator.random(2000) < 0.5
    scores = generator.normal(0.1 * positives, 1)

    ours = chance_p(fold_area(scores, positives, np.zeros(2000, dtype=np.int64)))

    assert ours == pytest.approx(stats.mannwhitneyu(scores[positives], scores[~positives], method="asymptotic").pvalue, rel=0.05)


def test_scores_that_say_all_and_scores_that_say_nothing_have_a_p_value() -> None:
    positives = np.arange(40) < 10

    assert chance_p(fold_area(positives.astype(float), positives, np.zeros(40, dtype=np.int64))) == pytest.approx(2 * 0.5**10)
    assert chance_p(fold_area(np.zeros(40), positives, np.zeros(40, dtype=np.int64))) == 1.0
    assert chance_p(Undefined("none", 0)) is None


def test_without_both_kinds_there_is_no_area() -> None:
    assert isinstance(fold_area(np.arange(9.0), np.ones(9, dtype=bool), np.arange(9) % 3), Undefined)


def test_a_text_is_scored_by_rows_of_other_folds_only() -> None:
    values, positives = np.array([0, 0, 1, 1]), np.array([True, False, True, True])
    folds = np.array([0, 1, 0, 1])

    scores = level_shares(values, positives, folds)

    # Row 0 (fold 0): others of value 0 are row 1, not positive; all others are (False, True), half of them positive.
    np.testing.assert_allclose(scores, [(0 + 0.5) / 2, (1 + 1) / 2, (1 + 0.5) / 2, (1 + 1) / 2])


@pytest.mark.slow
def test_intervals_cover_in_nineteen_of_twenty_samples() -> None:
    generator = np.random.default_rng(3)
    truth, covered = stats.norm.cdf(1 / np.sqrt(2)), 0
    for _ in range(1000):
        positives, folds = generator.random(200) < 0.4, generator.permutation(200) % 5
        found = fold_area(generator.normal(positives, 1), positives, folds)
        assert isinstance(found, Interval)
        covered += found.low <= truth <= found.high

    assert 0.93 <= covered / 1000 <= 0.98
