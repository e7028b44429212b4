"""Quadrature gives the posterior it says, is exact where all coalitions are asked for, and errs as much as it says and less than its peers."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from audit.errors import MethodError
from audit.methods.attribution import quadrature
from audit.methods.attribution.shapley_exact import shapley_exact
from audit.methods.attribution.shapley_like_shap import shapley_kernel
from audit.methods.attribution.shapley_quadrature import make_plan, shapley_quadrature, weighted
from tests.audit.methods.attribution import games


def data(d, rows, background, *, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, d, generator=generator, dtype=dtype), torch.randn(background, d, generator=generator, dtype=dtype)


def error(values, truth):
    return float((((values - truth) ** 2).sum(axis=1) / (truth**2).sum(axis=1)).mean())


@given(st.integers(2, 40), st.integers(8, 60))
def test_a_plan_has_different_coalitions_and_no_complements(m, pairs):
    plan = make_plan(m, pairs=pairs, generator=np.random.default_rng(1))
    seen = {row.tobytes() for row in plan.inside} | {(~row).tobytes() for row in plan.inside}

    assert len(plan.inside) == min(pairs, 2 ** (m - 1) - 1)
    assert len(seen) == 2 * len(plan.inside)
    assert plan.inside.any(axis=1).all()
    assert not plan.inside.all(axis=1).any()


def test_the_values_are_the_posterior_mean_under_the_prior_on_interactions(monkeypatch):
    """Derived the long way round: a normal prior on every odd interaction, observed at the pairs, with the first one known."""
    m, theta, noise, generator = 6, 0.3, 0.02, np.random.default_rng(2)
    monkeypatch.setattr(quadrature, "REACHES", (theta * m,))
    monkeypatch.setattr(quadrature, "NOISES", (noise,))
    plan = make_plan(m, pairs=14, generator=generator)
    odd = generator.normal(size=15)

    sets = [set(t) for size in range(1, m + 1, 2) for t in combinations(range(m), size)]
    scale = sum(theta ** len(t) for t in sets)
    covariance = np.diag([theta ** len(t) / scale for t in sets])
    inside = np.vstack([np.zeros((1, m), dtype=bool), plan.inside])
    design = np.array([[(-1.0) ** sum(row[list(t)]) for t in sets] for row in inside])
    onto = np.array([[-2 / len(t) if i in t else 0.0 for t in sets] for i in range(m)])
    known = design @ covariance @ design.T + np.diag([0.0] + [noise] * 14)
    expected = onto @ covariance @ design.T @ np.linalg.solve(known, odd)
    variance = np.diag(onto @ (covariance - covariance @ design.T @ np.linalg.solve(known, design @ covariance)) @ onto.T)

    values, se = (found[:, 0] for found in weighted(plan, odd[:, None]))

    np.testing.assert_allclose(values, expected, atol=1e-10)
    np.testing.assert_allclose(se / se[0], np.sqrt(variance / variance[0]), rtol=1e-8)


def test_forecasts_of_left_out_pairs_are_those_of_fitting_again_without_them(monkeypatch):
    m, theta, noise, generator = 5, 0.2, 0.05, np.random.default_rng(4)
    monkeypatch.setattr(quadrature, "REACHES", (theta * m,))
    monkeypatch.setattr(quadrature, "NOISES", (noise,))
    plan = make_plan(m, pairs=10, generator=generator)
    odd = generator.normal(size=11)
    signs = np.where(np.vstack([np.zeros((1, m), dtype=bool), plan.inside]), -1, 1)
    sets = [list(t) for size in range(1, m + 1, 2) for t in combinations(range(m), size)]
    design = np.array([[row[t].prod() for t in sets] for row in signs])
    prior = np.array([theta ** len(t) for t in sets])
    covariance = design * (prior / prior.sum()) @ design.T + np.diag([0.0] + [noise] * 10)
    squares = []
    for left_out in range(1, 11):
        rest = [place for place in range(11) if place != left_out]
        gain = np.linalg.solve(covariance[np.ix_(rest, rest)], covariance[rest, left_out])
        squares.append((odd[left_out] - gain @ odd[rest]) ** 2 / (covariance[left_out, left_out] - gain @ covariance[rest, left_out]))
    onto = np.array([[-2 / len(t) * p / prior.sum() if i in t else 0.0 for t, p in zip(sets, prior, strict=True)] for i in range(m)])
    spread = np.array([sum(4 / len(t) ** 2 * p / prior.sum() for t, p in zip(sets, prior, strict=True) if i in t) for i in range(m)])
    cross = onto @ design.T
    variance = spread - np.einsum("ij,ij->i", cross, np.linalg.solve(covariance, cross.T).T)

    np.testing.assert_allclose(weighted(plan, odd[:, None])[1][:, 0], np.sqrt(np.mean(squares) * 10 / (10 - m) * variance), rtol=1e-8)


@pytest.mark.parametrize("m", [2, 3, 4, 7])
def test_where_all_coalitions_are_asked_for_the_values_are_exact(m):
    inputs, background = data(m, 3, 4)
    network = games.network(m, 2, gain=3.0)

    found = shapley_quadrature(network, inputs, background, np.arange(m), players=m, pairs=64, seed=0)

    np.testing.assert_allclose(found.values, shapley_exact(network, inputs, background, np.arange(m), players=m).values, atol=1e-12)
    assert found.exact.all()
    assert not found.se.any()


@pytest.mark.parametrize("order", [3, 4, 5])
def test_products_of_some_of_thirty_entries_come_out_right(order):
    """Σ over four disjoint groups of players of the product of their entries, baseline 0: each member has a product's equal part."""
    d, (inputs, _) = 30, data(30, 3, 1)
    inputs = inputs.sign() * (0.5 + inputs.abs() / 2)
    groups = [range(start * order, (start + 1) * order) for start in range(4)]
    expected = np.zeros((3, d))
    for group in groups:
        expected[:, list(group)] = inputs[:, list(group)].prod(dim=1, keepdim=True).numpy() / order

    def network(x):
        return sum(x[:, list(group)].prod(dim=1, keepdim=True) for group in groups)

    found = shapley_quadrature(network, inputs, torch.zeros(1, d, dtype=torch.float64), np.arange(d), players=d, pairs=600, seed=1)

    np.testing.assert_allclose(found.values.sum(axis=1), found.total, atol=1e-9)
    assert error(found.values[..., 0], expected) < 0.05
    assert (np.abs(found.values[..., 0] - expected) <= 2 * found.se[..., 0]).mean() > 0.85


def test_linear_networks_are_explained_exactly_and_without_doubt():
    d, (inputs, background) = 25, data(25, 3, 6)
    weight, network = games.linear(np.random.default_rng(0), d, 2)

    found = shapley_quadrature(network, inputs, background, np.arange(d), players=d, pairs=60, seed=0)

    expected = (inputs - background.mean(dim=0))[:, :, None].numpy() * weight.T.numpy()
    np.testing.assert_allclose(found.values, expected, atol=2e-4)
    assert found.se.max() < 1e-3


def test_its_intervals_hold_the_exact_values_as_often_as_they_say_and_err_less_than_kernel_shap():
    inside, ratios = [], []
    for seed, activation in enumerate((nn.ReLU, nn.Tanh, nn.GELU)):
        network = games.network(12, 1, seed=seed, activation=activation)
        inputs, background = data(12, 12, 10, seed=seed)
        truth = shapley_exact(network, inputs, background, np.arange(12), players=12).values
        for pairs in (24, 60, 240):
            found = shapley_quadrature(network, inputs, background, np.arange(12), players=12, pairs=pairs, seed=seed)
            peer = shapley_kernel(network, inputs, background, np.arange(12), players=12, seed=seed, samples=2 * pairs)
            inside.append(np.abs(found.values - truth) <= 1.96 * found.se)
            ratios.append(error(peer.values, truth) / error(found.values, truth))

    assert 0.92 <= np.mean(inside) <= 0.985
    assert min(ratios[2::3]) > 4  # 240 pairs; with two pairs for each player one draw may be as good as another
    assert np.exp(np.log(ratios).mean()) > 3


def test_a_row_is_explained_alike_alone_and_among_others_and_players_may_own_several_entries():
    inputs, background = data(26, 4, 3)
    owner = np.arange(26) // 2
    inputs[1, :2] = background[0, :2] = background[1, :2] = background[2, :2] = 0.5  # player 0 does not vary in row 1
    network = games.network(26, 2)
    together = shapley_quadrature(network, inputs, background, owner, players=13, pairs=40, seed=7)

    for row in range(4):
        alone = shapley_quadrature(network, inputs[row : row + 1], background, owner, players=13, pairs=40, seed=7)
        np.testing.assert_array_equal(alone.values[0], together.values[row])
    assert not together.values[1, 0].any()
    assert together.evaluations.tolist() == [2 * 40 * 3 + 1] * 4


def test_weights_of_the_background_count_and_single_precision_is_taken():
    inputs, background = data(14, 2, 3, dtype=torch.float32)
    network = games.network(14, dtype=torch.float32)
    weighted = shapley_quadrature(network, inputs, background, np.arange(14), players=14, pairs=50, seed=0, weights=np.array([2.0, 1.0, 1.0]))
    repeated = shapley_quadrature(network, inputs, background[[0, 0, 1, 2]], np.arange(14), players=14, pairs=50, seed=0)

    np.testing.assert_allclose(weighted.values, repeated.values, atol=1e-5)
    assert weighted.values.dtype == np.float64


def test_a_constant_network_has_no_values_and_no_doubt():
    inputs, background = data(15, 1, 2)
    found = shapley_quadrature(lambda x: x[:, :1] * 0 + 3, inputs, background, np.arange(15), players=15, pairs=40, seed=0)

    assert not found.values.any()
    assert not found.se.any()


def test_too_few_pairs_are_refused():
    inputs, background = data(5, 1, 2)
    with pytest.raises(MethodError, match="7 pairs of coalitions; at least 8"):
        shapley_quadrature(games.network(5), inputs, background, np.arange(5), players=5, pairs=7, seed=0)
