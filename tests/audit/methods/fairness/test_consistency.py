"""Agreement with neighbours against sklearn and a plain loop; encoding of inputs by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from audit.methods.fairness import consistency
from audit.methods.fairness.consistency import neighbour_agreement
from audit.methods.fairness.plain_inputs import MOST_LEVELS, plain_inputs


def test_it_agrees_with_sklearn_once_the_row_itself_is_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consistency, "CHUNK", 37)
    monkeypatch.setattr(consistency, "QUERIES", 11)
    generator = np.random.default_rng(0)
    points, decisions = generator.normal(size=(300, 4)), generator.integers(0, 2, 300)
    neighbours = NearestNeighbors(n_neighbors=6).fit(points).kneighbors(points, return_distance=False)[:, 1:]

    found = neighbour_agreement(points, decisions, np.arange(300), k=5)

    np.testing.assert_allclose(found, 1 - np.abs(decisions - decisions[neighbours].mean(axis=1)), atol=1e-12)


def test_the_row_itself_is_no_neighbour_of_its_own() -> None:
    """aif360, holisticai and Veritas count it: four rows of which none agrees with the one beside it would then have 0.5 with k = 2."""
    points = np.array([[0.0], [0.1], [10.0], [10.1]])

    assert neighbour_agreement(points, np.array([0, 1, 0, 1]), np.arange(4), k=1).tolist() == [0.0, 0.0, 0.0, 0.0]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)), min_size=4, max_size=25), st.integers(1, 3), st.randoms())
def test_rows_equally_far_away_share_the_last_places_whatever_the_order(rows: list[tuple[int, int, int]], k: int, shuffler: object) -> None:
    held = np.array(rows)
    points, decisions = held[:, :2].astype(np.float64), held[:, 2]
    order = np.random.default_rng(shuffler.randint(0, 99)).permutation(len(rows))  # type: ignore[attr-defined]

    found = neighbour_agreement(points, decisions, np.arange(len(rows)), k=k)

    np.testing.assert_allclose(found[order], neighbour_agreement(points[order], decisions[order], np.arange(len(rows)), k=k), atol=1e-12)
    for row in range(len(rows)):
        others = np.delete(np.arange(len(rows)), row)
        away = np.sum((points[others] - points[row]) ** 2, axis=1)
        radius = np.sort(away)[k - 1]
        near, tied = others[away < radius], others[away == radius]
        share = (np.sum(decisions[near] == decisions[row]) + (k - len(near)) * np.mean(decisions[tied] == decisions[row])) / k
        assert found[row] == pytest.approx(share)


def test_rows_of_one_home_are_no_neighbours() -> None:
    points = np.array([[0.0], [0.0], [5.0], [5.0]])

    found = neighbour_agreement(points, np.array([1, 1, 0, 0]), np.arange(4), k=1, clusters=np.array([0, 0, 1, 1]))

    assert found.tolist() == [0.0, 0.0, 0.0, 0.0]


def test_too_few_others_have_no_answer() -> None:
    assert np.isnan(neighbour_agreement(np.zeros((3, 1)), np.zeros(3, dtype=np.int64), np.arange(3), k=3)).all()


def test_numbers_are_standardised_and_texts_get_an_entry_for_each_value() -> None:
    held = plain_inputs({"age": np.array([20.0, 40.0, np.nan]), "job": np.array(["a", "b", None], dtype=object), "same": np.ones(3)})

    np.testing.assert_allclose(held.entries[:, 0], [-1.0, 1.0, 0.0])
    np.testing.assert_allclose(held.entries[:, 1], [0.0, 0.0, 1.0])
    assert sorted(map(tuple, held.entries[:, 2:].T.tolist())) == [(0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)]
    assert held.owner.tolist() == [0, 0, 1, 1, 1]


def test_rare_texts_share_an_entry_and_huge_numbers_stay_finite() -> None:
    held = plain_inputs({"id": np.array([str(i) for i in range(200)], dtype=object), "sum": 1e308 * np.linspace(-1, 1, 200)})

    assert held.entries.shape == (200, MOST_LEVELS + 1)
    assert np.isfinite(held.entries).all()


def test_no_columns_and_columns_that_never_vary_have_no_entries() -> None:
    assert plain_inputs({"one": np.ones(4), "gone": np.full(4, np.nan)}).entries.shape == (4, 0)
    assert plain_inputs({}).entries.shape == (0, 0)
