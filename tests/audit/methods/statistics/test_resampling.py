"""Bootstrap replicates and families of intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.methods.statistics.bootstrap import cluster_replicates, multinomial_replicates, percentile_interval, row_replicates
from audit.methods.statistics.intervals import Undefined
from audit.methods.statistics.simultaneous import benjamini_hochberg, bonferroni, holm, max_t, sidak


def test_drawing_counts_has_the_mean_and_spread_of_drawing_rows():
    counts = np.array([[30, 10], [5, 15]])

    drawn = multinomial_replicates(counts, generator=np.random.default_rng(0), resamples=20_000)

    assert (drawn.sum(axis=(1, 2)) == 60).all()
    assert drawn.mean(axis=0) == pytest.approx(counts, rel=0.02)
    assert drawn.var(axis=0) == pytest.approx(counts * (1 - counts / 60), rel=0.05)


def test_row_replicates_of_a_mean_have_its_standard_error():
    values = np.random.default_rng(1).normal(size=100)

    found = row_replicates(100, lambda w: float(np.average(values, weights=w)), generator=np.random.default_rng(2), resamples=2000)

    assert found.std() == pytest.approx(values.std() / 10, rel=0.06)


def test_cluster_replicates_of_copies_have_the_spread_of_the_clusters():
    values = np.repeat(np.random.default_rng(1).normal(size=50), 6)
    clusters = np.repeat(np.arange(50), 6)

    found = cluster_replicates(clusters, lambda w: float(np.average(values, weights=w)), generator=np.random.default_rng(2), resamples=2000)

    assert found.std() == pytest.approx(values.std() / np.sqrt(50), rel=0.06)


def test_a_statistic_that_often_does_not_exist_is_undefined():
    assert isinstance(percentile_interval(0.5, np.array([np.nan] * 3 + [0.5] * 7), 10), Undefined)


def test_bonferroni_and_sidak_reduce_to_the_plain_level_for_one():
    assert bonferroni(0.95, 1) == pytest.approx(0.95)
    assert sidak(0.95, 1) == pytest.approx(0.95)
    assert bonferroni(0.95, 10) == pytest.approx(0.995)
    assert sidak(0.95, 10) < bonferroni(0.95, 10)


def test_max_t_of_independent_normals_is_their_known_quantile():
    replicates = np.random.default_rng(0).normal(size=(40_000, 5))

    found = max_t(np.zeros(5), replicates)

    assert found.critical == pytest.approx(stats.norm.ppf(0.5 + 0.95**0.2 / 2), rel=0.02)


def test_holm_steps_down_and_stays_monotone():
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
    assert holm(np.array([0.9, 0.8])).max() == 1.0


def test_benjamini_hochberg_agrees_with_scipy():
    p_values = np.random.default_rng(3).random(50) ** 2
    tied = np.array([0.02, 0.5, 0.02, 0.02, 1.0])

    assert benjamini_hochberg(p_values) == pytest.approx(stats.false_discovery_control(p_values))
    assert benjamini_hochberg(tied) == pytest.approx(stats.false_discovery_control(tied))
    assert benjamini_hochberg(np.array([0.03])).tolist() == [0.03]
    assert benjamini_hochberg(np.zeros(0)).tolist() == []
