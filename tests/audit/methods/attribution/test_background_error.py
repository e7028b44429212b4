"""The error that comes from the choice of background rows is the spread of the values against each of them, and intervals from it hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from audit.methods.attribution.shapley_exact import shapley_exact
from audit.methods.attribution.shapley_permutation import shapley_permutation
from audit.methods.attribution.shapley_quadrature import shapley_quadrature
from tests.audit.methods.attribution import games


def data(d, rows, background, *, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, d, generator=generator, dtype=torch.float64), torch.randn(background, d, generator=generator, dtype=torch.float64)


def test_it_is_the_standard_error_of_the_mean_of_values_against_single_rows():
    network, (inputs, background) = games.network(5, 2), data(5, 3, 7)
    each = np.stack([shapley_exact(network, inputs, row[None], np.arange(5), players=5).values for row in background])

    found = shapley_exact(network, inputs, background, np.arange(5), players=5)

    np.testing.assert_allclose(found.background_se, each.std(axis=0, ddof=1) / np.sqrt(7), rtol=1e-9)
    np.testing.assert_allclose(found.values, each.mean(axis=0), atol=1e-12)


@pytest.mark.parametrize("method", ["exact", "permutation"])
def test_intervals_from_it_hold_the_values_against_all_that_the_background_was_drawn_from(method):
    """A network without interactions, so that those values are known: x_j² less its mean over a standard normal, which is 1."""
    held, generator = [], np.random.default_rng(1)
    for draw in range(200):
        inputs, background = data(4, 1, 40, seed=draw)

        def network(x):
            return (x**2).sum(dim=1, keepdim=True)

        if method == "exact":
            found = shapley_exact(network, inputs, background, np.arange(4), players=4)
        else:
            found = shapley_permutation(network, inputs, background, np.arange(4), orders=games.orders(generator, 1, 40, 2, 4))
        truth = (inputs**2 - 1).numpy()[..., None]
        held.append(np.abs(found.values - truth) <= 2.02 * found.background_se)
    assert 0.91 < np.mean(held) < 0.97


def test_with_permutations_it_includes_the_error_of_sampling_them():
    network, (inputs, background) = games.network(8, gain=3.0), data(8, 4, 20)
    exact = shapley_exact(network, inputs, background, np.arange(8), players=8)

    found = shapley_permutation(network, inputs, background, np.arange(8), orders=games.orders(np.random.default_rng(0), 4, 20, 30, 8))

    expected = np.sqrt(exact.background_se**2 + found.se**2)
    assert np.median(found.background_se / expected) == pytest.approx(1, abs=0.05)


def test_weighted_rows_count_by_their_weight():
    network, (inputs, background) = games.network(3), data(3, 1, 4)
    weights = np.array([1.0, 1.0, 2.0, 2.0])
    each = np.stack([shapley_exact(network, inputs, row[None], np.arange(3), players=3).values[0] for row in background])

    found = shapley_exact(network, inputs, background, np.arange(3), players=3, weights=weights)

    share = weights / 6
    mean = np.einsum("b,bmk->mk", share, each)
    np.testing.assert_allclose(found.background_se[0], np.sqrt(np.einsum("b,bmk->mk", share**2, (each - mean) ** 2) * 4 / 3), rtol=1e-9)


def test_one_row_tells_nothing_about_it():
    network, (inputs, background) = games.network(4), data(4, 2, 1)

    assert np.isnan(shapley_exact(network, inputs, background, np.arange(4), players=4).background_se).all()
    assert np.isnan(shapley_quadrature(network, inputs, background, np.arange(4), players=4, pairs=8, seed=0).background_se).all()
