"""Intervals of sizes, areas and ratios where rows of a cluster are correlated 0.2: 200 clusters of 5 rows, and 40 of very unequal size."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from scipy import stats

from audit.methods.fairness.conditional_disparity import conditional_disparity
from audit.methods.fairness.divergences import DISTANCES, class_counts, divergences
from audit.methods.fairness.inequality import between_interval, entropy_interval, entropy_parts, generalised_entropy
from audit.methods.fairness.ratios import ratio_of_counts
from audit.methods.fairness.score_areas import area_difference, score_area
from audit.methods.fairness.score_distances import (
    area_between,
    coarse,
    distribution_intervals,
    kolmogorov_smirnov,
    mass_replicates,
    roc_curve,
    roc_gap_interval,
    roc_gap_of_noise,
    wasserstein,
)
from audit.methods.statistics.influence import equal_clusters
from audit.methods.statistics.intervals import Interval

SIZES = {
    "200 of 5": np.full(200, 5),
    "40 unequal": np.maximum(1, np.round(np.exp(np.random.default_rng(7).normal(2.2, 0.8, 40)))).astype(int),
}
POPULATIONS = [(sizes, nested) for sizes in SIZES for nested in (True, False)]
INSIDE = 0.2
"""Correlation of rows of one cluster."""


class Covered:
    """How often intervals hold the truth, by name."""

    def __init__(self):
        self.hits = defaultdict(list)

    def add(self, name, found, truth):
        if isinstance(found, Interval):
            self.hits[name].append(found.low - 1e-12 <= truth <= found.high + 1e-12)

    def rates(self):
        """Shares, raised by two standard errors of the simulation at 93 %."""
        return {name: np.mean(held) + 2 * (0.93 * 0.07 / len(held)) ** 0.5 for name, held in self.hits.items()}


def members(generator, owner, *, nested):
    return owner % 2 if nested else (generator.random(len(owner)) < 0.4).astype(np.int64)


def outcomes(generator, clusters, chances):
    """Chances of each outcome in each cluster, Dirichlet, so that rows of a cluster are correlated `INSIDE`."""
    drawn = generator.gamma(np.asarray(chances) * (1 - INSIDE) / INSIDE, size=(clusters, len(chances)))
    return drawn / drawn.sum(axis=1, keepdims=True)


def freedom(owner, parts):
    return min(equal_clusters(owner[part]) for part in parts) - 1


def pick(generator, chances):
    return np.minimum((generator.random(len(chances))[:, None] > np.cumsum(chances, axis=1)).sum(axis=1), chances.shape[1] - 1)


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "nested"), POPULATIONS)
@pytest.mark.parametrize("gap", [False, True])
def test_intervals_of_label_divergences_cover(sizes, nested, gap):
    owner, generator, covered = np.repeat(np.arange(len(SIZES[sizes])), SIZES[sizes]), np.random.default_rng(1), Covered()
    reference = np.array([0.5, 0.3, 0.2])
    group = np.array([0.35, 0.35, 0.3]) if gap else reference
    truth = {
        "total_variation": np.abs(group - reference).sum() / 2,
        "largest_class_gap": np.abs(group - reference).max(),
        "l2_distance": np.sqrt(np.sum((group - reference) ** 2)),
    }
    for _ in range(200):
        codes = members(generator, owner, nested=nested)
        sides = [outcomes(generator, len(SIZES[sizes]), one)[owner] for one in (reference, group)]
        labels = pick(generator, np.where(codes[:, None] == 1, sides[1], sides[0]))
        counts = class_counts(labels, codes, classes=3, groups=2, clusters=owner)
        found = divergences(counts[1], counts[0], generator=generator, resamples=300)
        for name in DISTANCES:
            covered.add(name, found[name].estimate, truth[name])

    assert min(covered.rates().values()) >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "nested"), POPULATIONS)
@pytest.mark.parametrize("gap", [0.0, 1.0])
def test_intervals_of_score_distances_and_areas_cover_and_noise_is_what_alike_groups_show(sizes, nested, gap):
    """Scores are normal, class 1 higher by 1 or, with a gap, by 1/2 in the group, whose scores then are also higher by 0.4."""
    count = len(SIZES[sizes])
    owner, generator, covered = np.repeat(np.arange(count), SIZES[sizes]), np.random.default_rng(2), Covered()
    x, u, chance = np.linspace(-7, 8, 4001), np.linspace(1e-6, 1 - 1e-6, 4001), []
    apart = np.abs(0.4 * (stats.norm.cdf(x - 1 + 0.1 * gap) - stats.norm.cdf(x - 1)) + 0.6 * (stats.norm.cdf(x - 0.4 * gap) - stats.norm.cdf(x)))
    curves = np.abs(stats.norm.cdf(1 - gap / 2 + stats.norm.ppf(u)) - stats.norm.cdf(1 + stats.norm.ppf(u)))
    areas = stats.norm.cdf((1 - gap / 2) / 2**0.5) - stats.norm.cdf(1 / 2**0.5)
    for run in range(60):
        codes, labels = members(generator, owner, nested=nested), (generator.random(len(owner)) < 0.4).astype(np.int64)
        noise = generator.normal(0, INSIDE**0.5, count)[owner] + generator.normal(0, (1 - INSIDE) ** 0.5, len(owner))
        values, place = np.unique(noise + labels * np.where(codes == 1, 1 - gap / 2, 1.0) + 0.4 * gap * codes, return_inverse=True)
        bins = coarse(np.ones(len(values)), 512)
        middles = np.bincount(bins, weights=values) / np.bincount(bins)

        def replicates(rows, bins=bins, place=place, run=run):
            return mass_replicates(bins[place[rows]], int(bins[-1]) + 1, clusters=owner[rows], generator=np.random.default_rng(run), resamples=200)

        def masses(rows, place=place, values=values):
            return np.bincount(place[rows], minlength=len(values)).astype(float)

        sides = [np.flatnonzero(codes == side) for side in (1, 0)]
        values_of = kolmogorov_smirnov(*map(masses, sides)), wasserstein(*map(masses, sides), values)
        held = distribution_intervals(values_of, *map(replicates, sides), middles, n=len(owner), text="", freedom=freedom(owner, sides))
        covered.add("kolmogorov_smirnov", held[0], apart.max())
        covered.add("wasserstein", held[1], np.trapezoid(apart, x))
        pairs = [[np.flatnonzero((codes == side) & (labels == label)) for label in (1, 0)] for side in (1, 0)]
        value = area_between(*(roc_curve(*map(masses, pair)) for pair in pairs))
        drawn = [tuple(map(replicates, pair)) for pair in pairs]
        covered.add(
            "abroca", roc_gap_interval(value, *drawn, n=len(owner), text="", freedom=freedom(owner, pairs[0] + pairs[1])), np.trapezoid(curves, u)
        )
        chance.append((value, roc_gap_of_noise(*drawn)))
        covered.add("area_difference", area_difference(*(score_area(place, *pair) for pair in pairs), len(owner), clusters=owner), areas)

    assert min(covered.rates().values()) >= 0.93
    if gap == 0:
        assert np.mean(chance, axis=0)[1] == pytest.approx(np.mean(chance, axis=0)[0], rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "nested"), POPULATIONS)
def test_intervals_of_ratios_disparities_and_inequality_cover(sizes, nested):
    count = len(SIZES[sizes])
    owner, generator, covered = np.repeat(np.arange(count), SIZES[sizes]), np.random.default_rng(3), Covered()
    for _ in range(400):
        codes = members(generator, owner, nested=nested)
        cell = pick(generator, outcomes(generator, count, [0.3, 0.2, 0.15, 0.35])[owner])  # TP, FN, FP, TN
        label, decision, mine = cell <= 1, (cell == 0) | (cell == 2), codes == 1
        benefits = decision.astype(float) - label + 1
        covered.add("ratio", ratio_of_counts(label[mine], decision[mine], clusters=owner[mine]), 0.5 / 0.45)
        covered.add("entropy", entropy_interval(generalised_entropy(benefits), clusters=owner, method=""), (1.25 / 0.95**2 - 1) / 2)
        covered.add("between", between_interval(entropy_parts(benefits, codes, clusters=owner), clusters=owner), 0.0)
        strata = generator.integers(0, 3, len(owner))
        covered.add("disparity", conditional_disparity(decision, codes, strata, groups=2, clusters=owner).groups[1], 0.0)

    assert min(covered.rates().values()) >= 0.93
