"""The tree as arrays decides as the one that was grown, and its rules lead to its leaves."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from audit.errors import MethodError
from audit.methods.effects.surrogate_tree import surrogate_tree


def test_it_decides_as_the_tree_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(400, 5))
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64) + (x[:, 2] > 1)
    grown = DecisionTreeClassifier(max_depth=4, min_samples_leaf=10, random_state=3).fit(x, y)
    fresh = generator.normal(size=(300, 5))

    tree = surrogate_tree(x, y, depth=4, leaf_rows=10, seed=3)
    assert np.array_equal(tree.leaf(fresh), grown.apply(fresh))
    assert np.array_equal(tree.decision[tree.leaf(fresh)], grown.predict(fresh))


def test_rows_of_a_leaf_are_those_its_path_describes() -> None:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(300, 3))
    tree = surrogate_tree(x, (x[:, 0] + x[:, 1] > 0).astype(np.int64))
    leaf = tree.leaf(x)

    assert set(tree.paths()) == set(np.unique(leaf))
    for node, path in tree.paths().items():
        inside = np.all([(x[:, f].astype(np.float32) <= t) == below for f, t, below in path], axis=0)
        assert np.array_equal(inside, leaf == node)


def test_a_model_that_is_a_tree_is_found_exactly() -> None:
    x = np.random.default_rng(2).uniform(size=(500, 2))
    y = np.where(x[:, 0] < 0.3, 1, np.where(x[:, 1] < 0.6, 0, 1))

    tree = surrogate_tree(x, y, depth=2)
    assert np.array_equal(tree.decision[tree.leaf(x)], y)


def test_equal_decisions_are_refused() -> None:
    with pytest.raises(MethodError, match="decided alike"):
        surrogate_tree(np.zeros((10, 1)), np.ones(10, dtype=np.int64))
