"""Estimated Shapley values: where they are exact, that they are unbiased, and that their intervals cover."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from torch import nn

from audit.errors import MethodError
from audit.methods.attribution.shapley_exact import shapley_exact
from audit.methods.attribution.shapley_permutation import ranks_of, shapley_permutation
from tests.audit.methods.attribution.games import linear, network, orders, product, product_values

GENERATOR = np.random.default_rng(1)


def tensor(*shape):
    return torch.from_numpy(GENERATOR.normal(size=shape))


def test_all_orders_together_are_the_exact_value():
    f, x, b = network(4, k=2), tensor(1, 4), tensor(3, 4)
    everything = np.broadcast_to(np.array(list(permutations(range(4)))), (1, 3, 24, 4))

    found = shapley_permutation(f, x, b, np.arange(4), orders=everything)

    np.testing.assert_allclose(found.values, shapley_exact(f, x, b, np.arange(4), players=4).values, atol=1e-12)


def test_interactions_of_order_two_carry_no_error():
    weight = tensor(8, 8)
    f = lambda z: ((z @ weight) * z).sum(dim=1, keepdim=True)  # noqa: E731
    x, b = tensor(3, 8), tensor(5, 8)

    found = shapley_permutation(f, x, b, np.arange(8), orders=orders(GENERATOR, 3, 5, 2, 8))

    np.testing.assert_allclose(found.values, shapley_exact(f, x, b, np.arange(8), players=8).values, atol=1e-11)
    assert found.se.max() < 1e-11


def test_a_linear_network_of_many_players_is_exact_whatever_the_background():
    weight, f = linear(GENERATOR, 40)
    x, b = tensor(2, 40), tensor(6, 40)

    found = shapley_permutation(f, x, b, np.arange(40), orders=orders(GENERATOR, 2, 6, 2, 40))

    np.testing.assert_allclose(found.values[..., 0], ((x - b.mean(dim=0)) * weight).numpy(), atol=1e-12)


def test_values_add_up_whatever_was_drawn():
    f, x, b = network(15, k=3), tensor(4, 15), tensor(5, 15)

    found = shapley_permutation(f, x, b, np.arange(15), orders=orders(GENERATOR, 4, 5, 2, 15), weights=np.arange(1.0, 6.0))

    np.testing.assert_allclose(found.values.sum(axis=1), found.total - found.base, atol=1e-12)
    np.testing.assert_allclose(found.base, np.average(f(b).numpy(), axis=0, weights=np.arange(1.0, 6.0)), atol=1e-12)


def test_the_mean_over_many_draws_is_the_exact_value_and_the_error_is_stated_right():
    f, x, b = network(5, gain=3.0), tensor(1, 5), tensor(4, 5)
    exact = shapley_exact(f, x, b, np.arange(5), players=5).values[0, :, 0]
    rows = x.expand(1500, 5)

    found = shapley_permutation(f, rows, b, np.arange(5), orders=orders(np.random.default_rng(5), 1500, 4, 2, 5))

    values, spread = found.values[..., 0], found.values[..., 0].std(axis=0)
    assert np.abs((values.mean(axis=0) - exact) / (spread / np.sqrt(1500))).max() < 4
    np.testing.assert_allclose((found.se[..., 0] ** 2).mean(axis=0), spread**2, rtol=0.15)


def test_a_product_of_twenty_factors_is_estimated_within_its_errors():
    x, b = tensor(1, 20).abs() + 0.5, tensor(10, 20).abs() + 0.5

    found = shapley_permutation(product, x, b, np.arange(20), orders=orders(GENERATOR, 1, 10, 60, 20))

    z = (found.values[0, :, 0] - product_values(x[0].numpy(), b.numpy())) / found.se[0, :, 0]
    assert np.abs(z).max() < 4


@pytest.mark.slow
def test_intervals_of_95_percent_cover_about_95_percent_of_the_values():
    inside = []
    for seed, (d, activation) in enumerate([(6, nn.ReLU), (8, nn.Tanh), (9, nn.GELU)]):
        f = network(d, seed=seed, activation=activation, width=32, gain=2.0, dtype=torch.float32)
        x, b = tensor(60, d).float(), tensor(100, d).float()
        exact = shapley_exact(f, x, b, np.arange(d), players=d).values
        found = shapley_permutation(f, x, b, np.arange(d), orders=orders(GENERATOR, 60, 100, 2, d))
        inside.append((np.abs(found.values - exact) <= 1.96 * found.se).ravel())

    assert np.concatenate(inside).size >= 1000
    assert 0.92 < np.concatenate(inside).mean() < 0.98


def test_players_that_do_not_vary_get_exactly_nothing_and_are_not_walked():
    f, x, b = network(6), tensor(1, 6), tensor(4, 6)
    b[:, [1, 4]] = x[0, [1, 4]]

    found = shapley_permutation(f, x, b, np.arange(6), orders=orders(GENERATOR, 1, 4, 3, 6))

    assert not found.values[0, [1, 4]].any()
    assert found.evaluations.tolist() == [4 * 3 * 2 * 3 + 1]
    np.testing.assert_allclose(found.values.sum(axis=1), found.total - found.base, atol=1e-12)


@pytest.mark.parametrize("varying", [0, 1])
def test_rows_with_at_most_one_varying_player_need_no_walk(varying):
    f, x = network(3), tensor(1, 3)
    b = x.repeat(4, 1)
    b[:, :varying] += 1

    found = shapley_permutation(f, x, b, np.arange(3), orders=orders(GENERATOR, 1, 4, 2, 3))

    assert found.evaluations.tolist() == [1]
    assert found.exact.all()
    np.testing.assert_allclose(found.values[0].sum(), found.total[0, 0] - found.base[0], atol=1e-12)


def test_no_value_depends_on_the_rows_beside_it_or_on_the_chunk():
    f, x, b, drawn = network(14), tensor(3, 14), tensor(5, 14), orders(GENERATOR, 3, 5, 2, 14)

    together = shapley_permutation(f, x, b, np.arange(14), orders=drawn)

    alone = np.concatenate([shapley_permutation(f, x[[i]], b, np.arange(14), orders=drawn[[i]]).values for i in range(3)])
    np.testing.assert_array_equal(together.values, alone)
    np.testing.assert_allclose(together.values, shapley_permutation(f, x, b, np.arange(14), orders=drawn, chunk=1).values, atol=1e-12)


def test_ranks_are_positions_among_the_varying_players():
    order = np.array([3, 1, 0, 2])

    assert ranks_of(order, np.array([0, 2, 3])).tolist() == [1, 2, 0]


@pytest.mark.parametrize("shape", [(1, 4, 1, 3), (2, 4, 2, 3), (1, 3, 2, 3), (8, 3)])
def test_orders_that_do_not_fit_are_refused(shape):
    with pytest.raises(MethodError, match="orders have shape"):
        shapley_permutation(network(3), tensor(1, 3), tensor(4, 3), np.arange(3), orders=np.zeros(shape, dtype=np.int64))
