"""Partial dependence is what scikit-learn has, and the curve of a row is what the function says."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import partial_dependence as theirs
from sklearn.neural_network import MLPRegressor

from audit.methods.effects.dependence import partial_dependence


def setter(function, x, column, grid):
    def answer(places):
        changed = x.copy()
        changed[:, column] = grid[places]
        return function(changed).reshape(len(x), -1)

    return answer


@pytest.mark.parametrize("column", [0, 3])
def test_it_is_that_of_scikit_learn(column) -> None:
    generator = np.random.default_rng(3)
    x = generator.normal(size=(80, 4))
    y = x[:, 0] * x[:, 3] + np.sin(x[:, 1])
    for model in (
        RandomForestRegressor(10, random_state=0),
        MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", max_iter=1000, tol=0.1, random_state=0),
    ):
        model.fit(x, y)
        expected = theirs(model, x, [column], kind="both", grid_resolution=9, method="brute")
        grid = expected["grid_values"][0]

        found = partial_dependence(setter(model.predict, x, column, grid), len(grid), len(x))
        assert found.mean[:, 0] == pytest.approx(expected["average"][0], abs=1e-6)
        assert found.rows[:, :, 0] == pytest.approx(expected["individual"][0], abs=1e-6)


def test_rows_of_an_additive_function_move_alike_and_of_a_product_do_not() -> None:
    x = np.random.default_rng(1).normal(size=(50, 2))
    grid = np.linspace(-1, 1, 5)

    additive = partial_dependence(setter(lambda z: z[:, 0] ** 2 + z[:, 1], x, 0, grid), 5, 50)
    product = partial_dependence(setter(lambda z: z[:, 0] * z[:, 1], x, 0, grid), 5, 50)
    assert additive.heterogeneity == pytest.approx(0, abs=1e-12)
    # The centred curve of a row is x2 * grid: its variance over rows is var(x2) * grid^2.
    assert product.heterogeneity == pytest.approx(x[:, 1].std() * np.sqrt((grid**2).mean()))


def test_the_error_is_that_of_a_mean_over_rows() -> None:
    x = np.random.default_rng(2).normal(size=(30, 2))
    found = partial_dependence(setter(lambda z: np.stack([z[:, 1], z.sum(axis=1)], axis=1), x, 0, np.array([2.0])), 1, 30)

    assert found.mean[0] == pytest.approx([x[:, 1].mean(), 2 + x[:, 1].mean()])
    assert found.se[0] == pytest.approx([x[:, 1].std(ddof=1) / np.sqrt(30)] * 2)


def test_one_row_has_a_curve_and_no_error() -> None:
    found = partial_dependence(setter(lambda z: z[:, 0], np.array([[5.0]]), 0, np.array([1.0, 2.0])), 2, 1)

    assert found.mean.tolist() == [[1.0], [2.0]]
    assert np.isnan(found.se).all()


def test_a_row_of_weight_three_counts_as_three_rows_that_belong_together() -> None:
    generator = np.random.default_rng(4)
    x, times = generator.normal(size=(25, 2)), generator.integers(1, 4, 25)
    copies, grid = np.repeat(np.arange(25), times), np.array([-1.0, 0.5, 2.0])
    function = lambda z: np.tanh(z[:, 0] * z[:, 1]) + z[:, 1] ** 2  # noqa: E731

    weighed = partial_dependence(setter(function, x, 0, grid), 3, 25, weights=times.astype(float))
    copied = partial_dependence(setter(function, x[copies], 0, grid), 3, len(copies), clusters=copies)

    np.testing.assert_allclose(weighed.mean, copied.mean, atol=1e-12)
    np.testing.assert_allclose(weighed.se, copied.se, atol=1e-12)
    np.testing.assert_allclose(weighed.heterogeneity, copied.heterogeneity, atol=1e-12)
    plain = partial_dependence(setter(function, x, 0, grid), 3, 25)
    assert (np.abs(weighed.mean - plain.mean) > 1e-3).all()


def test_rows_of_one_cluster_tell_no_error() -> None:
    x = np.random.default_rng(2).normal(size=(30, 2))
    found = partial_dependence(setter(lambda z: z[:, 1], x, 0, np.array([2.0])), 1, 30, clusters=np.zeros(30, dtype=np.int64))

    assert np.isnan(found.se).all()
