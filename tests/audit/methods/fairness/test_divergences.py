"""Divergences of label distributions: against scipy, by hand, and where other tools drop a class."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from audit.errors import MethodError
from audit.methods.fairness.divergences import (
    DIVERGENCES,
    Counts,
    class_counts,
    divergences,
    jensen_shannon,
    kullback_leibler,
    l2_distance,
    largest_class_gap,
    total_variation,
)
from audit.methods.statistics.intervals import Interval, Undefined

WEIGHTS = st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda held: sum(held) > 0.1)


def distribution(weights):
    return np.array(weights) / sum(weights)


def counts(*cells):
    return Counts(np.array(cells, dtype=float), sum(cells))


@settings(deadline=None)
@given(WEIGHTS, WEIGHTS)
def test_they_agree_with_scipy(first, second):
    p, q = distribution(first), distribution(second)

    assert kullback_leibler(p, q) == pytest.approx(entropy(p, q), abs=1e-12)
    assert jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-9)
    assert l2_distance(p, q) == pytest.approx(math.dist(p, q))


@settings(deadline=None)
@given(WEIGHTS, WEIGHTS)
def test_they_are_never_negative_and_stay_in_their_ranges(first, second):
    p, q = distribution(first), distribution(second)

    assert kullback_leibler(p, q) >= 0
    assert 0 <= jensen_shannon(p, q) <= math.log(2) + 1e-12
    assert 0 <= largest_class_gap(p, q) <= total_variation(p, q) + 1e-12 <= 1 + 2e-12
    assert l2_distance(p, q) <= math.sqrt(2) + 1e-12


@settings(deadline=None)
@given(WEIGHTS)
def test_alike_distributions_are_at_no_distance(weights):
    p = distribution(weights)

    assert all(measure(p, p) == pytest.approx(0, abs=1e-12) for measure in DIVERGENCES.values())


def test_a_class_missing_on_one_side_is_kept_and_no_divergence_is_negative():
    # Keeping shared classes only, without renormalising, gives -0.347 and 0.375 here.
    reference, group = np.array([0.25, 0.75, 0.0]), np.array([0.5, 0.0, 0.5])

    assert total_variation(group, reference) == 0.75
    assert largest_class_gap(group, reference) == 0.75
    assert kullback_leibler(group, reference) == np.inf
    assert kullback_leibler(reference, group) == np.inf
    assert jensen_shannon(group, reference) == pytest.approx(jensenshannon(group, reference) ** 2)


def test_a_class_that_only_the_second_has_leaves_kullback_leibler_finite():
    assert kullback_leibler(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == pytest.approx(math.log(2))
    assert kullback_leibler(np.array([0.5, 0.5]), np.array([1.0, 0.0])) == np.inf


def test_the_largest_class_gap_is_not_the_distance_of_cumulative_shares():
    assert largest_class_gap(np.array([0.3, 0.3, 0.2, 0.2]), np.array([0.2, 0.2, 0.3, 0.3])) == pytest.approx(0.1)


def test_directions_are_told_apart():
    found = divergences(counts(50, 50), counts(90, 10), generator=np.random.default_rng(0))

    assert found["kl_from_reference"].estimate.value == pytest.approx(entropy([0.5, 0.5], [0.9, 0.1]))
    assert found["kl_to_reference"].estimate.value == pytest.approx(entropy([0.9, 0.1], [0.5, 0.5]))


def test_an_infinite_divergence_is_undefined_with_its_reason_and_the_others_are_not():
    found = divergences(counts(50, 50, 0), counts(50, 25, 25), generator=np.random.default_rng(0))

    assert isinstance(found["kl_to_reference"].estimate, Undefined)
    assert "never occurs" in found["kl_to_reference"].estimate.reason
    assert found["kl_from_reference"].estimate.value == pytest.approx(0.5 * math.log(2))
    assert found["total_variation"].estimate.value == 0.25


def test_a_class_of_neither_side_changes_nothing():
    with_it = divergences(counts(30, 0, 70), counts(60, 0, 40), generator=np.random.default_rng(0))
    without = divergences(counts(30, 70), counts(60, 40), generator=np.random.default_rng(0))

    assert with_it == without


def test_too_few_expected_rows_are_not_estimated():
    found = divergences(counts(2, 18), counts(10, 90), generator=np.random.default_rng(0))

    assert all(isinstance(one.estimate, Undefined) and isinstance(one.by_chance, Undefined) for one in found.values())
    assert "at least 5" in found["jensen_shannon"].estimate.reason


def test_an_empty_side_has_no_divergence():
    found = divergences(counts(0, 0), counts(10, 90), generator=np.random.default_rng(0))

    assert found["total_variation"].estimate == Undefined("One of the two sides has no rows.", 0)
    with pytest.raises(MethodError, match="no distribution"):
        _ = counts(0, 0).shares


def test_by_chance_agrees_with_the_expansion_of_kullback_leibler():
    # Twice the pooled likelihood ratio is chi-square: E[KL] is about (K - 1) / 2 * (1 / n + 1 / m) for plug-in shares of equal groups.
    found = divergences(counts(400, 300, 300), counts(800, 600, 600), generator=np.random.default_rng(0), resamples=20_000)

    assert found["kl_from_reference"].by_chance == pytest.approx((3 - 1) / 2 * (1 / 1000 + 1 / 2000), rel=0.04)
    assert found["jensen_shannon"].by_chance == pytest.approx((3 - 1) / 8 * (1 / 1000 + 1 / 2000), rel=0.04)


def test_intervals_of_alike_groups_reach_zero():
    found = divergences(counts(400, 300, 300), counts(405, 295, 300), generator=np.random.default_rng(1))

    assert all(one.estimate.low == 0 for one in found.values())


def test_class_counts_are_plain_counts_without_weights():
    labels, codes = np.array([0, 1, 1, -1, 2, 0]), np.array([0, 0, 1, 1, -1, 1])

    found = class_counts(labels, codes, classes=3, groups=2)

    assert [one.cells.tolist() for one in found] == [[1, 1, 0], [1, 1, 0]]
    assert [one.rows for one in found] == [2, 2]


def test_rows_copied_within_clusters_count_once():
    generator = np.random.default_rng(0)
    labels, copies = generator.integers(0, 3, 600), 5

    found = class_counts(np.repeat(labels, copies), np.zeros(600 * copies, int), classes=3, groups=1, clusters=np.repeat(np.arange(600), copies))[0]

    assert found.rows == 3000
    assert found.total == pytest.approx(600, rel=0.01)
    assert found.shares == pytest.approx(np.bincount(labels) / 600)


def test_weights_change_shares_and_lower_the_effective_rows():
    generator = np.random.default_rng(0)
    labels, weights = generator.integers(0, 3, 2000), generator.exponential(size=2000)

    found = class_counts(labels, np.zeros(2000, int), classes=3, groups=1, weights=weights)[0]

    assert found.shares == pytest.approx(np.bincount(labels, weights=weights) / weights.sum())
    assert found.total == pytest.approx(weights.sum() ** 2 / np.sum(weights**2), rel=0.05)  # Kish: weights have nothing to do with labels


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group_shares", "reference"),
    [
        ((0.4, 0.3, 0.3), (0.4, 0.3, 0.3)),
        ((0.42, 0.3, 0.28), (0.4, 0.3, 0.3)),
        ((0.6, 0.3, 0.1), (0.4, 0.3, 0.3)),
        ((0.14, 0.06, *[0.1] * 8), (0.1,) * 10),
    ],
)
@pytest.mark.parametrize("n", [100, 1000])
def test_intervals_cover_the_truth(n, group_shares, reference):
    generator = np.random.default_rng(3)
    hits = dict.fromkeys(DIVERGENCES, 0)
    made = dict.fromkeys(DIVERGENCES, 0)
    for _ in range(300):
        one, two = generator.multinomial(n, group_shares), generator.multinomial(3 * n, reference)
        for name, found in divergences(counts(*one), counts(*two), generator=generator, resamples=400).items():
            truth = float(DIVERGENCES[name](np.array(group_shares), np.array(reference)))
            if isinstance(found.estimate, Interval):
                made[name] += 1
                hits[name] += found.estimate.low - 1e-12 <= truth <= found.estimate.high

    assert all(hits[name] / made[name] > 0.93 for name in DIVERGENCES), (hits, made)
