"""Disagreement, spread and mutual information against enumeration, scipy and sklearn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.metrics import mutual_info_score

from audit.methods.performance.members import disagreement, mutual_information, spread, total_variation


def test_disagreement_is_the_share_outside_the_largest_camp() -> None:
    found = disagreement(np.array([[0, 0, 1], [1, 2, 0], [-1, 1, 1], [-1, -1, 1], [0, 1, 1]]))

    np.testing.assert_allclose(found, [1 / 3, 2 / 3, 0, np.nan, 1 / 3])


def test_mutual_information_is_entropy_of_the_mean_minus_mean_entropy() -> None:
    drawn = np.random.default_rng(2).dirichlet([1, 1, 1], size=(6, 4))

    expected = [entropy(row.mean(axis=0)) - np.mean([entropy(one) for one in row]) for row in drawn]
    np.testing.assert_allclose(mutual_information(drawn), expected, atol=1e-12)


def test_mutual_information_of_sure_networks_is_that_of_network_and_class() -> None:
    classes = np.array([0, 1, 1, 2])

    found = mutual_information(np.eye(3)[classes][None])
    assert found[0] == pytest.approx(mutual_info_score(np.arange(4), classes))
    assert mutual_information(np.full((1, 4, 3), 1 / 3))[0] == 0


def test_spread_of_two_networks_is_a_quarter_of_the_squared_gap() -> None:
    assert spread(np.array([[[0.2], [0.8]]]))[0] == pytest.approx(0.6**2 / 4)


def test_total_variation_of_two_classes_is_the_difference_of_either() -> None:
    assert total_variation(np.array([[0.3, 0.7]]), np.array([[0.5, 0.5]]))[0] == pytest.approx(0.2)
