"""Distances against scipy, exact areas against fine integration, replicates against row resampling, and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from audit.methods.fairness.score_distances import (
    area_between,
    coarse,
    distribution_intervals,
    kolmogorov_smirnov,
    mass_replicates,
    roc_curve,
    roc_gap_by_chance,
    roc_gap_interval,
    roc_gap_of_noise,
    wasserstein,
)

SAMPLES = st.lists(st.integers(-5, 5), min_size=1, max_size=25)


def masses(first, second, weights=None):
    values, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
    cut, weight = len(first), np.ones(len(codes)) if weights is None else weights
    sides = (slice(None, cut), slice(cut, None))
    return values.astype(float), *(np.bincount(codes[side], weights=weight[side], minlength=len(values)) for side in sides)


@given(SAMPLES, SAMPLES)
def test_distances_agree_with_counting_and_scipy(first, second):
    values, one, two = masses(np.array(first), np.array(second))

    largest = max(abs(np.mean(np.array(first) <= x) - np.mean(np.array(second) <= x)) for x in (*first, *second))

    assert kolmogorov_smirnov(one, two) == pytest.approx(largest)
    assert wasserstein(one, two, values) == pytest.approx(stats.wasserstein_distance(first, second))


def test_weighted_wasserstein_agrees_with_scipy():
    generator = np.random.default_rng(0)
    first, second, weights = generator.normal(size=40), generator.normal(1, 2, 60), generator.uniform(0.1, 2, 100)
    values, one, two = masses(first, second, weights)

    assert wasserstein(one, two, values) == pytest.approx(stats.wasserstein_distance(first, second, weights[:40], weights[40:]))


def test_the_distance_of_distribution_functions_is_not_the_largest_class_gap():
    """Every class differs by one half only; the functions differ by 1 in the middle."""
    assert kolmogorov_smirnov(np.array([0.5, 0.5, 0.0, 0.0]), np.array([0.0, 0.0, 0.5, 0.5])) == 1


@given(st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4).filter(sum), min_size=4, max_size=4))
def test_the_area_between_curves_is_the_fine_integral(counts):
    curves = [roc_curve(np.array(counts[i], float), np.array(counts[i + 1], float)) for i in (0, 2)]
    grid = (np.arange(20_000) + 0.5) / 20_000
    lines = []
    for positives, negatives in ((counts[0], counts[1]), (counts[2], counts[3])):
        x, y = (np.concatenate([[0], np.cumsum(v[::-1])]) / sum(v) for v in (negatives, positives))
        lines.append(np.interp(grid, x, y))

    assert area_between(*curves) == pytest.approx(np.abs(lines[0] - lines[1]).mean(), abs=5e-4)


def test_a_perfect_against_a_useless_score_leave_one_half():
    assert area_between(roc_curve(np.array([0.0, 1]), np.array([1.0, 0])), roc_curve(np.ones(1), np.ones(1))) == pytest.approx(0.5)


def test_curves_that_cross_do_not_cancel():
    """ROC through (0, 1/2), (1/2, 1/2), (1/2, 1): against the diagonal four triangles of 1/8, 1/2 · 1/2 · 1/2 each: 1/4 in all."""
    step = roc_curve(np.array([0, 1.0, 0, 1.0]), np.array([1.0, 0, 1.0, 0]))

    assert area_between(step, roc_curve(np.ones(1), np.ones(1))) == pytest.approx(0.25)


@pytest.mark.parametrize("kind", ["rows", "weights", "clusters"])
def test_replicates_spread_like_resampled_rows(kind):
    generator = np.random.default_rng(0)
    codes = np.repeat(generator.integers(0, 4, 150), 2) if kind == "clusters" else generator.integers(0, 4, 300)
    weights = generator.uniform(0.2, 3, 300) if kind == "weights" else np.ones(300)
    units = np.repeat(np.arange(150), 2) if kind == "clusters" else np.arange(300)
    drawn = []
    for _ in range(3000):
        many = np.bincount(generator.integers(0, units.max() + 1, units.max() + 1), minlength=units.max() + 1)[units] * weights
        drawn.append(np.bincount(codes, weights=many, minlength=4) / many.sum())

    made = mass_replicates(
        codes, 4, weights if kind == "weights" else None, clusters=units if kind == "clusters" else None, generator=generator, resamples=3000
    )

    assert made.sum(axis=1) == pytest.approx(np.ones(3000))
    assert made.mean(axis=0) == pytest.approx(np.mean(drawn, axis=0), abs=0.005)
    assert made.std(axis=0) == pytest.approx(np.std(drawn, axis=0), rel=0.08)


def test_the_value_by_chance_is_the_mean_over_shuffled_memberships():
    generator = np.random.default_rng(0)
    scores, labels, group = generator.integers(0, 5, 60), np.arange(60) % 2, np.arange(60) % 3 == 0
    tables = {(g, y): np.bincount(scores[(group == g) & (labels == y)], minlength=5) for g in (True, False) for y in (0, 1)}
    found = []
    for _ in range(1000):
        shuffled = group.copy()
        for y in (0, 1):
            shuffled[labels == y] = generator.permutation(group[labels == y])
        curves = [
            roc_curve(*(np.bincount(scores[(shuffled == g) & (labels == y)], minlength=5).astype(float) for y in (1, 0))) for g in (True, False)
        ]
        found.append(area_between(*curves))

    chance = roc_gap_by_chance(
        (tables[True, 1], tables[True, 0]), (tables[False, 1], tables[False, 0]), generator=np.random.default_rng(1), permutations=1000
    )

    assert chance == pytest.approx(np.mean(found), rel=0.06)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=60), st.integers(2, 12))
def test_coarse_codes_keep_order_and_number(masses_of_codes, size):
    bins = coarse(np.array(masses_of_codes, float), size)

    assert (np.diff(bins) >= 0).all()
    assert bins.max() < max(size, 1) or len(masses_of_codes) <= size
    assert set(bins.tolist()) == set(range(bins.max() + 1))


def test_a_cluster_weighs_the_same_in_every_call():
    """Both sides hold the same rows of the same clusters, so that nothing lies between their replicates, and another seed draws others."""
    codes, clusters = np.random.default_rng(0).integers(0, 7, 200), np.arange(200) // 5

    made = [mass_replicates(codes, 7, clusters=clusters, generator=np.random.default_rng(seed), resamples=20) for seed in (1, 1, 2)]
    part = mass_replicates(codes[:20], 7, clusters=clusters[:20], generator=np.random.default_rng(1), resamples=20)
    alone = mass_replicates(np.arange(4), 4, clusters=np.arange(4), generator=np.random.default_rng(1), resamples=20)

    np.testing.assert_array_equal(made[0], made[1])
    assert np.abs(made[0] - made[2]).max() > 0.01
    expected = alone @ np.stack([np.bincount(codes[:20][clusters[:20] == c], minlength=7) for c in range(4)])
    np.testing.assert_allclose(part, expected / expected.sum(axis=1, keepdims=True))


def test_cluster_weights_are_exponential_and_independent():
    """Shares of 50 clusters of one row each are a flat Dirichlet: mean 1/50, variance 49 / (50^2 · 51), correlation -1/49."""
    made = mass_replicates(np.arange(50), 50, clusters=np.arange(50), generator=np.random.default_rng(0), resamples=4000)

    assert stats.kstest(made[:, 3], stats.beta(1, 49).cdf).pvalue > 1e-3
    assert made.var() == pytest.approx(49 / (2500 * 51), rel=0.03)
    assert np.corrcoef(made[:, 10], made[:, 11])[0, 1] == pytest.approx(-1 / 49, abs=0.06)


def test_the_area_of_noise_is_that_of_exchanged_rows_where_groups_are_alike():
    generator = np.random.default_rng(3)
    scores, labels, group = generator.normal(size=800), generator.random(800) < 0.5, generator.random(800) < 0.5
    scores += labels
    values, codes = np.unique(scores, return_inverse=True)
    sides = [[codes[(group == g) & (labels == y)] for y in (True, False)] for g in (True, False)]
    counts = [tuple(np.bincount(c, minlength=len(values)) for c in pair) for pair in sides]
    drawn = [tuple(mass_replicates(c, len(values), generator=generator, resamples=300) for c in pair) for pair in sides]

    assert roc_gap_of_noise(*drawn) == pytest.approx(roc_gap_by_chance(*counts, generator=generator, permutations=200), rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5])
def test_distance_intervals_cover(shift):
    """Two normals `shift` apart: Kolmogorov-Smirnov 2 Phi(shift / 2) - 1, Wasserstein `shift`."""
    generator, hits = np.random.default_rng(3), np.zeros(2)
    truth = np.array([2 * stats.norm.cdf(shift / 2) - 1, shift])
    for _ in range(200):
        first, second = generator.normal(size=150), generator.normal(shift, 1, 250)
        values, one, two = masses(first, second)
        codes = np.searchsorted(values, first), np.searchsorted(values, second)
        drawn = [mass_replicates(c, len(values), generator=generator, resamples=200) for c in codes]
        found = distribution_intervals((kolmogorov_smirnov(one, two), wasserstein(one, two, values)), *drawn, values, n=400, text="distance")
        hits += [held.low <= true <= held.high for held, true in zip(found, truth, strict=True)]

    assert (hits / 200 > 0.93).all()


@pytest.mark.slow
@pytest.mark.parametrize("separations", [(1.0, 1.0), (0.5, 1.5)])
def test_intervals_of_the_area_between_curves_cover(separations):
    """Curves of normals that do not cross: ABROCA is the difference of their areas."""
    truth = abs(np.diff(stats.norm.cdf(np.array(separations) / 2**0.5))[0])
    generator, hits = np.random.default_rng(4), 0
    for _ in range(150):
        samples = [(generator.normal(d, 1, 120), generator.normal(0, 1, 120)) for d in separations]
        values = np.unique(np.concatenate([s for pair in samples for s in pair]))
        codes = [[np.searchsorted(values, s) for s in pair] for pair in samples]
        value = area_between(*(roc_curve(*(np.bincount(c, minlength=len(values)).astype(float) for c in pair)) for pair in codes))
        drawn = [tuple(mass_replicates(c, len(values), generator=generator, resamples=150) for c in pair) for pair in codes]
        held = roc_gap_interval(value, drawn[0], drawn[1], n=480, text="")
        hits += held.low <= truth <= held.high

    assert hits / 150 > 0.93
