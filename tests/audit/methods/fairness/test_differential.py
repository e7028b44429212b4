"""Differential fairness against pair-by-pair enumeration, closed forms of the Dirichlet, and a worked example."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import digamma, polygamma

from audit.errors import MethodError
from audit.methods.fairness.differential import (
    amplification_draws,
    cells_of,
    credible_interval,
    differential_by_chance,
    differential_fairness,
    posterior_draws,
)
from audit.methods.statistics.intervals import Undefined


def enumerated(counts, smoothing):
    """Every ordered pair of groups and every outcome, one ratio at a time."""
    k = len(counts[0])
    shares = [[(c + smoothing) / (sum(row) + k * smoothing) for c in row] for row in counts]
    return max(math.log(a[y] / b[y]) for a, b in permutations(shares, 2) for y in range(k))


@given(
    st.integers(2, 4).flatmap(lambda k: st.lists(st.lists(st.integers(0, 50), min_size=k, max_size=k), min_size=2, max_size=6)),
    st.sampled_from([0.5, 1.0]),
)
def test_the_value_is_the_largest_of_all_pairs(counts, smoothing):
    found = differential_fairness(np.array(counts, dtype=float), smoothing=smoothing)

    assert found.value == pytest.approx(enumerated(counts, smoothing))


def test_a_worked_example():
    """Smoothed chances 61/102 and 31/102 of the first outcome, 41/102 and 71/102 of the second: ln(61/31) is the larger."""
    found = differential_fairness(np.array([[60.0, 40.0], [30.0, 70.0]]))

    assert found.value == pytest.approx(math.log(61 / 31))
    assert (found.outcome, found.highest, found.lowest) == (0, 0, 1)


def test_without_smoothing_an_empty_cell_has_no_ratio():
    assert isinstance(differential_fairness(np.array([[5.0, 0.0], [3.0, 2.0]]), smoothing=0), Undefined)
    assert differential_fairness(np.array([[5.0, 5.0], [8.0, 2.0]]), smoothing=0).value == pytest.approx(math.log(0.5 / 0.2))


def test_one_group_is_not_compared():
    assert isinstance(differential_fairness(np.array([[5.0, 5.0]])), Undefined)
    assert isinstance(differential_fairness(np.zeros((0, 2))), Undefined)


def test_negative_smoothing_is_refused():
    with pytest.raises(MethodError, match="smoothing is -1"):
        differential_fairness(np.ones((2, 2)), smoothing=-1.0)


def test_draws_of_two_groups_have_the_moments_of_independent_betas():
    counts = np.array([[400.0, 600.0], [200.0, 800.0]])

    drawn = posterior_draws(counts, draws=20_000, generator=np.random.default_rng(0))

    # The first outcome decides in nearly every draw; ln of a beta has digamma and trigamma moments.
    assert drawn.mean() == pytest.approx(digamma(401) - digamma(201), abs=0.002)
    assert drawn.var() == pytest.approx(polygamma(1, 401) + polygamma(1, 201) - 2 * polygamma(1, 1002), rel=0.05)


def test_decisions_that_copy_labels_amplify_nothing():
    joint = np.zeros((3, 2, 2))
    joint[:, 0, 0], joint[:, 1, 1] = [500, 300, 200], [500, 700, 800]

    assert np.abs(amplification_draws(joint, draws=500, generator=np.random.default_rng(0))).mean() < 0.02


def test_the_margins_of_joint_draws_are_the_draws_of_the_margins():
    joint = np.random.default_rng(0).integers(5, 60, (2, 2, 2)).astype(float)
    flipped = np.swapaxes(joint, 1, 2).copy()
    # Labels that are the same in every group add nothing but their own noise.
    joint_only = amplification_draws(flipped, draws=4000, generator=np.random.default_rng(1))
    mean = joint_only.mean()

    one, two = (posterior_draws(joint.sum(axis=axis), draws=4000, generator=np.random.default_rng(axis)).mean() for axis in (1, 2))

    assert mean == pytest.approx(two - one, abs=0.02)


def test_the_value_by_chance_of_two_cells_is_the_exact_sum():
    """Both groups of 6 rows with one half: sum over both binomials of the smoothed value."""
    counts, k = np.array([[3.0, 3.0], [3.0, 3.0]]), np.arange(7)
    chance = stats.binom.pmf(k, 6, 0.5)
    exact = sum(chance[a] * chance[b] * enumerated([[a, 6 - a], [b, 6 - b]], 1.0) for a in k for b in k)

    assert differential_by_chance(counts, draws=40_000, generator=np.random.default_rng(0)) == pytest.approx(exact, abs=0.01)


def test_cells_are_the_combinations_with_rows():
    cells = cells_of([np.array([0, 0, 1, -1, 1]), np.array([2, 2, 0, 1, -1])], [2, 3])

    assert cells.levels.tolist() == [[0, 2], [1, 0]]
    assert cells.codes.tolist() == [0, 0, 1, -1, -1]


def test_more_combinations_than_integers_are_numbered():
    columns = [np.array([0, 299, 299])] * 8

    assert cells_of(columns, [300] * 8).levels.tolist() == [[0] * 8, [299] * 8]


@pytest.mark.slow
def test_the_credible_interval_of_two_large_groups_covers():
    generator, truth = np.random.default_rng(2), math.log(0.5 / 0.3)
    hits = 0
    for _ in range(400):
        first, second = generator.binomial(400, 0.5), generator.binomial(400, 0.3)
        counts = np.array([[first, 400 - first], [second, 400 - second]], dtype=float)
        drawn = posterior_draws(counts, draws=400, generator=generator)
        held = credible_interval(differential_fairness(counts).value, drawn, 800, what="")
        hits += held.low <= truth <= held.high

    assert 0.92 < hits / 400 < 0.985
