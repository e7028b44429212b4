"""Interaction values are those of the definition, of closed forms and of shap, and quadrature errs as much as it says."""

from __future__ import annotations

import warnings
from itertools import combinations
from math import factorial

import numpy as np
import pytest
import torch
from torch import nn

from audit.methods.attribution.shapley_exact import shapley_exact
from audit.methods.attribution.shapley_interactions import shapley_interactions
from tests.audit.methods.attribution import games

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # shap warns of its own dependencies on import
    import shap


def data(d, rows, background, *, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, d, generator=generator, dtype=dtype), torch.randn(background, d, generator=generator, dtype=dtype)


def by_definition(network, row, background, m):
    """Index (m, m) of each pair: a loop over all coalitions without the two, straight from the formula."""

    def worth(members):
        mixed = background.clone()
        mixed[:, list(members)] = row[list(members)]
        return float(network(mixed).mean())

    found = np.zeros((m, m))
    for i, j in combinations(range(m), 2):
        rest = [one for one in range(m) if one not in (i, j)]
        for size in range(m - 1):
            for s in combinations(rest, size):
                share = factorial(size) * factorial(m - size - 2) / factorial(m - 1)
                found[i, j] += share * (worth((*s, i, j)) - worth((*s, i)) - worth((*s, j)) + worth(s))
    return found + found.T


@pytest.mark.parametrize("m", [2, 3, 5])
def test_enumerated_values_are_half_the_index_of_the_definition_and_sum_to_shapley_values(m):
    network, (inputs, background) = games.network(m, gain=3.0), data(m, 2, 3)

    found = shapley_interactions(network, inputs, background, np.arange(m), players=m)

    for row in range(2):
        off = found.values[row, :, :, 0] * (1 - np.eye(m))
        np.testing.assert_allclose(off, by_definition(network, inputs[row], background, m) / 2, atol=1e-12)
    alone = shapley_exact(network, inputs, background, np.arange(m), players=m)
    np.testing.assert_allclose(found.values.sum(axis=2), alone.values, atol=1e-12)
    np.testing.assert_allclose(found.values.sum(axis=(1, 2)), alone.total - alone.base, atol=1e-12)
    assert found.exact.all()
    assert not found.se.any()


def test_where_no_interaction_is_of_a_higher_order_than_two_the_values_are_those_of_shap():
    """shap gives the Shapley-Taylor index, which shares interactions of higher orders among pairs otherwise."""
    weight, (inputs, background) = np.random.default_rng(0).normal(size=(6, 6)), data(6, 2, 4)
    masker = shap.maskers.Independent(background.numpy(), max_samples=10)
    explainer = shap.ExactExplainer(lambda x: np.einsum("ni,ij,nj->n", x, weight, x) + x[:, 0], masker)
    theirs = explainer(inputs.numpy(), interactions=2, silent=True).values

    def network(x):
        return torch.einsum("ni,ij,nj->n", x, torch.from_numpy(weight), x)[:, None] + x[:, :1]

    found = shapley_interactions(network, inputs, background, np.arange(6), players=6)

    np.testing.assert_allclose(found.values[..., 0], theirs, atol=1e-10)


@pytest.mark.parametrize("order", [2, 3, 4, 5])
@pytest.mark.parametrize("exact_up_to", [12, 1])
def test_members_of_a_product_share_it_pair_by_pair(order, exact_up_to):
    """Baseline 0: the index of two members of a product of k entries is that product over k - 1, and nothing for any other pair."""
    d = 8 if exact_up_to > 1 else 20
    inputs, expected = data(d, 1, 1)[0].sign() * 1.5, np.zeros((d, d))
    expected[:order, :order] = float(inputs[0, :order].prod()) / (order - 1) / 2
    np.fill_diagonal(expected, 0)

    found = shapley_interactions(
        lambda x: x[:, :order].prod(dim=1, keepdim=True) + x.sum(dim=1, keepdim=True),
        inputs,
        torch.zeros(1, d, dtype=torch.float64),
        np.arange(d),
        players=d,
        exact_up_to=exact_up_to,
        pairs=500,
    )

    off = found.values[0, :, :, 0] * (1 - np.eye(d))
    if exact_up_to > 1:
        np.testing.assert_allclose(off, expected, atol=1e-12)
    else:
        np.testing.assert_allclose(off, expected, atol=0.25 * np.abs(expected).max())
        assert np.sum((off - expected) ** 2) < 0.1 * np.sum(expected**2)
        assert (np.abs(off - expected) <= 3 * found.se[0, :, :, 0] + 1e-9).mean() > 0.95
    np.testing.assert_allclose(found.values.sum(axis=(1, 2, 3)), inputs.sum() + inputs[0, :order].prod(), atol=1e-9)


@pytest.mark.parametrize("pairs", [60, 200])
def test_intervals_of_quadrature_hold_the_enumerated_values_as_often_as_they_say(pairs):
    inside, sizes = [], []
    for seed, activation in enumerate((nn.ReLU, nn.Tanh, nn.GELU)):
        network, (inputs, background) = games.network(10, seed=seed, activation=activation), data(10, 8, 6, seed=seed)
        truth = shapley_interactions(network, inputs, background, np.arange(10), players=10).values

        found = shapley_interactions(network, inputs, background, np.arange(10), players=10, exact_up_to=2, pairs=pairs)

        apart = ~np.eye(10, dtype=bool)
        inside.append((np.abs(found.values - truth) <= 1.96 * found.se)[:, apart])
        sizes.append(((found.values - truth)[:, apart] ** 2).mean() / (truth[:, apart] ** 2).mean())
    assert 0.9 <= np.mean(inside) <= 0.99
    assert max(sizes) < (0.5 if pairs == 60 else 0.05)


def test_players_that_do_not_vary_take_no_part_and_rows_stand_alone():
    network, (inputs, background) = games.network(16, dtype=torch.float32), data(16, 3, 2, dtype=torch.float32)
    owner = np.arange(16) // 2
    inputs[1, :4] = background[0, :4] = background[1, :4] = 0.25

    together = shapley_interactions(network, inputs, background, owner, players=8, exact_up_to=7, pairs=40)

    assert together.exact.tolist() == [False, True, False]
    assert not together.values[1, :2].any()
    assert not together.values[1, :, :2].any()
    alone = shapley_interactions(network, inputs[2:], background, owner, players=8, exact_up_to=7, pairs=40)
    np.testing.assert_array_equal(alone.values[0], together.values[2])
    nobody = shapley_interactions(network, inputs[:0], background, owner, players=8)
    assert nobody.values.shape == (0, 8, 8, 1)


def test_one_or_no_varying_player_has_no_interactions():
    inputs, background = torch.tensor([[0.0, 2.0], [0.0, 0.0]]), torch.zeros(3, 2)

    found = shapley_interactions(games.network(2, dtype=torch.float32), inputs, background, np.arange(2), players=2)

    assert found.values[0, 1, 1, 0] != 0
    assert np.count_nonzero(found.values) == 1
