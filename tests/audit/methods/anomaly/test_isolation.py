"""Scores of scikit-learn's own trees in our arrays, closed forms, and grown forests against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.ensemble import IsolationForest

from audit.errors import MethodError
from audit.methods.anomaly.isolation import Forest, average_path, forest_scores, grow_forest


def rows(count, seed=0, width=4):
    """Values that float32 holds exactly, since scikit-learn scores in float32."""
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32).astype(np.float64)


def heaps_of(fitted: IsolationForest, samples: int) -> Forest:
    """The trees of scikit-learn, walked from the root."""
    places = 2 ** (int(np.ceil(np.log2(max(samples, 2)))) + 1) - 1
    shape = (len(fitted.estimators_), places)
    feature, threshold, path = np.full(shape, -1, dtype=np.int32), np.zeros(shape), np.zeros(shape)
    for number, (tree, entries) in enumerate(zip(fitted.estimators_, fitted.estimators_features_, strict=True)):
        held, walk = tree.tree_, [(0, 0, 0)]
        while walk:
            node, place, depth = walk.pop()
            if held.children_left[node] < 0:
                path[number, place] = depth + average_path(held.n_node_samples[node : node + 1])[0]
                continue
            feature[number, place], threshold[number, place] = entries[held.feature[node]], held.threshold[node]
            walk += [(held.children_left[node], 2 * place + 1, depth + 1), (held.children_right[node], 2 * place + 2, depth + 1)]
    return Forest(feature, threshold, path, samples)


@pytest.mark.parametrize(("count", "samples"), [(300, 256), (300, 64), (40, 40), (3, 3), (2, 2)])
def test_the_trees_of_scikit_learn_score_as_scikit_learn_scores_them(count, samples):
    values, fresh = rows(count), rows(50, seed=1)
    fitted = IsolationForest(n_estimators=25, max_samples=samples, random_state=0).fit(values)

    found = forest_scores(heaps_of(fitted, samples), np.concatenate([values, fresh]))

    assert found == pytest.approx(-fitted.score_samples(np.concatenate([values, fresh])), abs=1e-12)


def test_a_grown_forest_ranks_rows_as_scikit_learn_does():
    values = np.concatenate([rows(500), rows(20, seed=2) + 4])
    ours = forest_scores(grow_forest(values, trees=300, generator=np.random.default_rng(3)), values)
    theirs = -IsolationForest(n_estimators=300, max_samples=256, random_state=0).fit(values).score_samples(values)

    assert spearmanr(ours, theirs).statistic > 0.97
    assert abs(ours.mean() - theirs.mean()) < 0.01
    assert np.abs(ours - theirs).max() < 0.06


def test_mean_paths_follow_the_harmonic_numbers():
    exact = [2 * sum(1 / i for i in range(1, m)) - 2 * (m - 1) / m for m in (50, 256)]

    assert average_path(np.array([0, 1, 2])).tolist() == [0.0, 0.0, 1.0]
    # The logarithm stands for the harmonic number, at an error below 1/m.
    assert average_path(np.array([50, 256])) == pytest.approx(exact, abs=0.03)


def test_two_rows_are_told_apart_by_one_cut():
    values = np.array([[0.0], [1.0]])
    forest = grow_forest(values, trees=5, generator=np.random.default_rng(0))

    # One cut each and an average path of 1: 2^-1.
    assert forest_scores(forest, values).tolist() == [0.5, 0.5]
    assert ((forest.threshold[:, 0] >= 0) & (forest.threshold[:, 0] < 1)).all()


def test_rows_that_do_not_vary_cannot_be_told_apart():
    values = np.ones((64, 3))
    forest = grow_forest(values, trees=4, generator=np.random.default_rng(0))

    # No cut is made, so the path is that of all 64 rows and the score 2^-1.
    assert (forest.feature == -1).all()
    assert forest_scores(forest, values) == pytest.approx(np.full(64, 0.5))


def test_one_reference_row_scores_one_half():
    assert forest_scores(grow_forest(np.zeros((1, 2)), trees=3, generator=np.random.default_rng(0)), rows(4, width=2)).tolist() == [0.5] * 4


def test_a_constant_column_is_never_cut():
    values = rows(200)
    values[:, 2] = 5.0

    assert 2 not in grow_forest(values, trees=20, generator=np.random.default_rng(0)).feature


def test_every_leaf_holds_as_many_rows_as_its_path_says():
    values = rows(256)
    forest = grow_forest(values, trees=1, generator=np.random.default_rng(5))
    drawn = values[np.random.default_rng(5).choice(256, 256, replace=False)]

    expected = [_path(forest, drawn, row) for row in values[:40]]

    assert -np.log2(forest_scores(forest, values[:40])) * average_path(np.array([256])) == pytest.approx(expected)


def _path(forest, drawn, row):
    place, depth, inside = 0, 0, np.ones(len(drawn), dtype=bool)
    while forest.feature[0, place] >= 0:
        entry, at = forest.feature[0, place], forest.threshold[0, place]
        right = row[entry] > at
        inside &= (drawn[:, entry] > at) == right
        place, depth = 2 * place + 1 + int(right), depth + 1
    return depth + average_path(np.array([inside.sum()]))[0]


def test_a_row_that_is_not_finite_has_no_score():
    forest = grow_forest(rows(20), trees=3, generator=np.random.default_rng(0))

    assert np.isnan(forest_scores(forest, np.array([[np.nan, 0, 0, 0], [0.0, 0, 0, 0]]))).tolist() == [True, False]


def test_what_cannot_be_cut_is_refused():
    for values in (np.zeros((0, 2)), np.zeros((2, 0)), np.array([[np.nan]])):
        with pytest.raises(MethodError, match="isolation forest"):
            grow_forest(values, generator=np.random.default_rng(0))
