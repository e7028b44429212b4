"""Distances to the k-th neighbour against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from audit.errors import MethodError
from audit.methods.anomaly import neighbours
from audit.methods.anomaly.neighbours import neighbour_count, neighbour_distance, neighbours_of, unit_rows


@pytest.mark.parametrize("k", [1, 7, 40])
@pytest.mark.parametrize("chunk", [1, 100, 10**6])
def test_distances_are_those_of_scikit_learn(monkeypatch, k, chunk):
    monkeypatch.setattr(neighbours, "CHUNK", chunk)
    generator = np.random.default_rng(0)
    bank, features = unit_rows(generator.normal(size=(40, 6))), unit_rows(generator.normal(size=(25, 6)))

    expected = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(bank).kneighbors(features)[0][:, -1]

    assert neighbour_distance(features, bank, k=k) == pytest.approx(expected, abs=1e-12)


def test_equal_rows_of_the_bank_are_counted_each():
    bank = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])

    assert [neighbour_distance(bank[:1], bank, k=k)[0] for k in (1, 2, 3)] == pytest.approx([0.0, 0.0, np.sqrt(2)], abs=0)


def test_a_tiny_distance_is_not_lost_to_rounding():
    bank, near = np.array([[1.0, 0.0]]), np.array([[1.0, 1e-10]])

    assert neighbour_distance(near, bank, k=1)[0] == pytest.approx(1e-10, rel=1e-12)


def test_a_row_that_is_not_finite_has_no_distance():
    features = np.array([[np.nan, 0.0], [np.inf, 1.0], [1.0, 0.0]])

    assert np.isnan(neighbour_distance(features, np.eye(2), k=1)).tolist() == [True, True, False]


def test_unit_rows_have_length_one_whatever_their_scale_and_zeros_stay():
    rows = unit_rows(np.array([[3.0, 4.0], [3e-200, 4e-200], [3e200, 4e200], [0.0, 0.0]]))

    assert rows[:3] == pytest.approx(np.array([[0.6, 0.8]] * 3))
    assert rows[3].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("bank", "expected"), [(1, 1), (99, 1), (200, 2), (5000, 50), (10**6, 50)])
def test_neighbours_are_at_most_one_in_a_hundred(bank, expected):
    assert neighbour_count(bank) == expected


@pytest.mark.parametrize("k", [0, 3])
def test_k_lies_within_the_bank(k):
    with pytest.raises(MethodError, match="k is"):
        neighbour_distance(np.eye(2), np.eye(2), k=k)


def test_the_few_nearest_are_those_of_a_full_sort_with_ties_in_the_order_of_the_bank() -> None:
    generator = np.random.default_rng(8)
    bank = np.repeat(generator.normal(size=(40, 3)), 2, axis=0)
    rows = np.concatenate([generator.normal(size=(9, 3)), bank[:1], [[np.nan, 0, 0]]])

    found = neighbours_of(rows, bank, k=7, few=5)

    for row, nearest, distance in zip(rows[:10], found.nearest, found.nearest_distance, strict=False):
        every = np.linalg.norm(bank - row, axis=1)
        expected = np.lexsort((np.arange(len(bank)), every))[:5]
        assert nearest.tolist() == expected.tolist()
        np.testing.assert_allclose(distance, every[expected], atol=1e-12)
    assert found.nearest[10].tolist() == [-1] * 5
    assert np.isnan(found.nearest_distance[10]).all()
