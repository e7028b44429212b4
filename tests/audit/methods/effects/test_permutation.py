"""Permutation importance is that of scikit-learn on the same permutations, and has its closed form for a linear model."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.inspection import permutation_importance as theirs
from sklearn.linear_model import LinearRegression

from audit.errors import MethodError
from audit.methods.effects.permutation import permutation_importance


def test_it_is_that_of_scikit_learn_on_its_permutations() -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(60, 3))
    y = x @ [1.0, -2.0, 0.0] + generator.normal(size=60)
    model = LinearRegression().fit(x, y)
    expected = theirs(model, x, y, scoring="neg_mean_squared_error", n_repeats=4, random_state=5)

    # Its columns share a seed; each repeat shuffles the places further and applies them to what is shuffled already.
    state, places, orders = np.random.RandomState(np.random.RandomState(5).randint(np.iinfo(np.int32).max + 1)), np.arange(60), []
    for _ in range(4):
        state.shuffle(places)
        orders.append((orders[-1] if orders else np.arange(60))[places])
    found = permutation_importance(lambda z: (model.predict(z) - y) ** 2, x, np.arange(3), players=3, permutations=np.array(orders))
    assert found.mean(axis=2) == pytest.approx(expected.importances)


def test_a_linear_model_loses_twice_the_variance_of_its_part() -> None:
    generator = np.random.default_rng(2)
    x = generator.normal(size=(4000, 2)) * [1.0, 3.0]
    orders = np.stack([generator.permutation(4000) for _ in range(5)])

    found = permutation_importance(lambda z: (z @ [1.0, 0.5] - x @ [1.0, 0.5]) ** 2, x, np.arange(2), players=2, permutations=orders)
    assert found.mean(axis=(1, 2)) == pytest.approx([2.0, 2 * 0.25 * 9.0], rel=0.1)


def test_entries_of_one_player_move_together() -> None:
    one_hot = np.eye(3)[np.array([0, 1, 2, 0, 1, 2])]
    seen = []

    def losses(z):
        seen.append(z)
        return np.zeros(len(z))

    permutation_importance(losses, one_hot, np.zeros(3, dtype=np.int64), players=1, permutations=np.array([[5, 4, 3, 2, 1, 0]]))
    assert np.array_equal(seen[1], one_hot[::-1])
    assert np.array_equal(seen[0], one_hot)


def test_one_row_is_refused() -> None:
    with pytest.raises(MethodError, match="one row"):
        permutation_importance(lambda z: z[:, 0], np.zeros((1, 1)), np.zeros(1, dtype=np.int64), players=1, permutations=np.zeros((1, 1), dtype=int))
