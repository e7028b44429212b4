"""Shares per group: exact without a design, effective with one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from audit.methods.statistics.group_shares import group_shares, one_share
from audit.methods.statistics.intervals import Interval
from audit.methods.statistics.proportions import newcombe_difference, proportion_interval


@given(st.lists(st.tuples(st.integers(-1, 3), st.booleans()), max_size=40))
def test_unweighted_shares_count_each_group_alone(rows):
    codes = np.array([code for code, _ in rows], dtype=np.int32)
    selected = np.array([hit for _, hit in rows], dtype=bool)

    shares = group_shares(selected, codes, 4)

    assert [(s.successes, s.rows) for s in shares] == [
        (sum(hit for code, hit in rows if code == group), sum(code == group for code, _ in rows)) for group in range(4)
    ]
    assert all(share.exact for share in shares)


def test_equal_weights_are_no_weights():
    share = one_share(np.array([True, False, True]), weights=np.full(3, 2.5))

    assert (share.successes, share.total, share.exact) == (2, 3, True)


def test_weighted_rate_is_the_weighted_mean_on_at_most_kish_rows():
    weights = np.array([1.0, 2, 3, 4, 5, 6])
    selected = np.array([True, False, True, True, False, False])

    share = one_share(selected, weights=weights)

    assert share.value == pytest.approx((1 + 3 + 4) / 21)
    assert share.total <= 21**2 / 91 + 1e-9
    assert share.rows == 6


def test_identical_rows_in_a_cluster_count_once():
    selected = np.repeat([True, False, True, True, False, True, False, False], 5)
    clusters = np.repeat(np.arange(8), 5)

    share = one_share(selected, clusters=clusters)

    assert share.value == pytest.approx(0.5)
    # p (1 - p) / variance with the G / (G - 1) factor: 8 clusters give 7, of which the t quantiles for 39 and 7 degrees of freedom leave a part
    assert share.total == pytest.approx(7 * (2.022691 / 2.364624) ** 2, rel=1e-5)


def test_rows_that_are_clusters_of_their_own_are_rows():
    selected, weights = np.arange(40) % 3 == 0, np.linspace(1, 2, 40)

    assert one_share(selected, clusters=np.arange(40)).total == pytest.approx(39)
    assert one_share(selected, weights=weights, clusters=np.arange(40)).total == pytest.approx(one_share(selected, weights=weights).total, rel=1e-3)


def test_one_big_cluster_leaves_few_degrees_of_freedom():
    """A cluster of 30 beside 10 of one: as good as 40^2 / 910 equal ones."""
    selected = np.concatenate([np.arange(30) % 2 == 0, np.arange(10) % 3 == 0])
    clusters = np.concatenate([np.zeros(30, dtype=np.int64), np.arange(1, 11)])
    residuals = selected - selected.mean()
    sums = np.bincount(clusters, weights=residuals)
    variance = 11 / 10 * np.sum(sums**2) / 40**2

    share = one_share(selected, clusters=clusters)

    plain = min(selected.mean() * (1 - selected.mean()) / variance, 40)
    assert share.total == pytest.approx(plain * (stats.t.ppf(0.975, 39) / stats.t.ppf(0.975, max(40**2 / 910 - 1, 1))) ** 2)


def test_a_rate_of_one_rests_on_clusters_not_rows():
    share = one_share(np.ones(40, dtype=bool), clusters=np.repeat(np.arange(4), 10))

    assert share.value == 1
    assert share.total == 4


def test_one_weighted_row_is_one_row():
    share = group_shares(np.array([True, False]), np.array([0, 1]), 2, weights=np.array([1.0, 3.0]))

    assert [(s.value, s.total) for s in share] == [(1.0, 1.0), (0.0, 1.0)]


SIZES = {
    "200 clusters of 5": np.full(200, 5),
    "40 clusters of unequal size": np.maximum(1, np.round(np.exp(np.random.default_rng(7).normal(2.2, 0.8, 40)))).astype(int),
}


@pytest.mark.slow
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("rates", [(0.3, 0.3), (0.05, 0.1)])
@pytest.mark.parametrize("nested", [True, False])
def test_intervals_of_rates_cover_where_clusters_are_alike_inside(sizes, rates, nested):
    """Rows of a cluster are correlated 0.2 (beta-binomial). The percentile bootstrap of 40 clusters covers 83 to 94 % of these rates."""
    owner = np.repeat(np.arange(len(SIZES[sizes])), SIZES[sizes])
    generator, hits, runs = np.random.default_rng(1), np.zeros(2), 1000
    for _ in range(runs):
        codes = owner % 2 if nested else (generator.random(len(owner)) < 0.4).astype(np.int64)
        quantiles = generator.random(len(SIZES[sizes]))
        chances = np.stack([stats.beta.ppf(quantiles, 4 * rate, 4 * (1 - rate)) for rate in rates], axis=1)
        first, second = group_shares(generator.random(len(owner)) < chances[owner, codes], codes, 2, clusters=owner)
        for place, (found, truth) in enumerate([(proportion_interval(first), rates[0]), (newcombe_difference(first, second), rates[0] - rates[1])]):
            assert isinstance(found, Interval)
            hits[place] += found.low <= truth <= found.high

    assert (hits / runs >= 0.92).all()  # 0.93 less the error of the simulation
