"""Shares per group: exact without a design, effective with one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.methods.statistics.group_shares import group_shares, one_share


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
    assert share.total == pytest.approx(7)  # p (1 - p) / variance with the G / (G - 1) factor: 8 clusters give 7


def test_a_rate_of_one_rests_on_clusters_not_rows():
    share = one_share(np.ones(40, dtype=bool), clusters=np.repeat(np.arange(4), 10))

    assert share.value == 1
    assert share.total == 4


def test_one_weighted_row_is_one_row():
    share = group_shares(np.array([True, False]), np.array([0, 1]), 2, weights=np.array([1.0, 3.0]))

    assert [(s.value, s.total) for s in share] == [(1.0, 1.0), (0.0, 1.0)]
