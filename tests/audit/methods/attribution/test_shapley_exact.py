"""Enumerated Shapley values against closed forms, walks over all orders, and shap."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.errors import MethodError
from audit.methods.attribution.shapley_exact import coalition_weights, shapley_exact
from tests.audit.methods.attribution.games import brute_force, linear, network, product, product_values

GENERATOR = np.random.default_rng(0)


def tensor(*shape):
    return torch.from_numpy(GENERATOR.normal(size=shape))


def test_a_linear_network_has_the_closed_form_for_all_outputs():
    weight, f = linear(GENERATOR, 6, k=3)
    x, b = tensor(4, 6), tensor(5, 6)

    found = shapley_exact(f, x, b, np.arange(6), players=6)

    expected = (x - b.mean(dim=0))[:, :, None] * weight.T
    np.testing.assert_allclose(found.values, expected.numpy(), atol=1e-12)
    assert not found.se.any()


def test_enumeration_agrees_with_walks_over_all_orders_when_players_own_several_entries():
    f, owner = network(7, k=2), np.array([0, 0, 1, 2, 3, 3, 2])
    x, b = tensor(1, 7), tensor(3, 7)

    found = shapley_exact(f, x, b, owner, players=4)

    np.testing.assert_allclose(found.values[0], brute_force(f, x[0], b, owner, 4), atol=1e-12)


@pytest.mark.parametrize("d", [3, 5, 9])
def test_products_of_high_order_have_their_closed_form(d):
    x, b = tensor(2, d), tensor(4, d)

    found = shapley_exact(product, x, b, np.arange(d), players=d)

    for row in range(2):
        np.testing.assert_allclose(found.values[row, :, 0], product_values(x[row].numpy(), b.numpy()), atol=1e-12)


@given(st.sets(st.integers(0, 5), min_size=1))
@settings(max_examples=20, deadline=None)
def test_a_unanimity_game_is_shared_equally_by_its_members(members):
    chosen = sorted(members)
    f = lambda x: (x[:, chosen] > 0).all(dim=1, keepdim=True).double()  # noqa: E731

    found = shapley_exact(f, torch.ones(1, 6).double(), -torch.ones(1, 6).double(), np.arange(6), players=6)

    expected = np.isin(np.arange(6), chosen) / len(chosen)
    np.testing.assert_allclose(found.values[0, :, 0], expected, atol=1e-12)


@given(st.integers(0, 10**6), st.floats(-3, 3))
@settings(max_examples=15, deadline=None)
def test_values_are_linear_in_the_network(seed, factor):
    first, second = network(4, seed=seed), network(4, seed=seed + 1)
    x, b = tensor(2, 4), tensor(3, 4)

    both = shapley_exact(lambda z: first(z) + factor * second(z), x, b, np.arange(4), players=4).values

    parts = [shapley_exact(f, x, b, np.arange(4), players=4).values for f in (first, second)]
    np.testing.assert_allclose(both, parts[0] + factor * parts[1], atol=1e-10)


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_players_that_play_alike_get_the_same_and_dummies_get_nothing(seed):
    inner = network(3, seed=seed)
    f = lambda z: inner(torch.stack([z[:, 0] + z[:, 1], z[:, 0] * z[:, 1], z[:, 2]], dim=1))  # noqa: E731
    x, b = tensor(1, 4), tensor(1, 4)
    x[:, 1], b[:, 1] = x[:, 0], b[:, 0]

    values = shapley_exact(f, x, b, np.arange(4), players=4).values[0, :, 0]

    assert values[0] == pytest.approx(values[1], abs=1e-10)
    assert values[3] == pytest.approx(0, abs=1e-10)


def test_values_add_up_to_the_output_less_the_weighted_mean_of_the_background():
    f, share = network(5, k=2), np.array([3.0, 1.0, 0.0, 1.0])
    x, b = tensor(3, 5), tensor(4, 5)

    found = shapley_exact(f, x, b, np.arange(5), players=5, weights=share)

    np.testing.assert_allclose(found.base, np.average(f(b).numpy(), axis=0, weights=share), atol=1e-12)
    np.testing.assert_allclose(found.values.sum(axis=1), found.total - found.base, atol=1e-12)


def test_weights_count_like_repeated_background_rows():
    f, x, b = network(4), tensor(2, 4), tensor(2, 4)

    weighted = shapley_exact(f, x, b, np.arange(4), players=4, weights=np.array([2.0, 1.0]))
    repeated = shapley_exact(f, x, b[[0, 0, 1]], np.arange(4), players=4)

    np.testing.assert_allclose(weighted.values, repeated.values, atol=1e-12)


def test_a_player_equal_to_every_background_row_has_exactly_nothing_and_costs_nothing():
    f, x, b = network(6), tensor(2, 6), tensor(4, 6)
    b[:, 2] = x[0, 2]

    found = shapley_exact(f, x, b, np.arange(6), players=6)

    assert found.values[0, 2, 0] == 0
    assert found.values[1, 2, 0] != 0
    assert found.evaluations.tolist() == [(2**5 - 2) * 4 + 1, (2**6 - 2) * 4 + 1]


def test_a_row_equal_to_its_only_background_row_is_explained_by_nothing():
    x = tensor(1, 3)

    found = shapley_exact(network(3), x, x, np.arange(3), players=3)

    assert not found.values.any()
    np.testing.assert_allclose(found.total, found.base[None])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_value_depends_on_the_rows_beside_it_or_on_the_chunk(dtype):
    f, x, b = network(6, dtype=dtype), tensor(5, 6).to(dtype), tensor(7, 6).to(dtype)

    together = shapley_exact(f, x, b, np.arange(6), players=6).values

    alone = np.concatenate([shapley_exact(f, x[i : i + 1], b, np.arange(6), players=6).values for i in range(5)])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_allclose(
        together, shapley_exact(f, x, b, np.arange(6), players=6, chunk=9).values, atol=1e-5 if dtype == torch.float32 else 1e-12
    )


def test_images_are_explained_by_patches():
    owner = np.array([[0, 0, 1, 1], [0, 0, 1, 1]]).reshape(-1)
    x, b = tensor(2, 1, 2, 4), tensor(3, 1, 2, 4)
    weight = tensor(1, 2, 4)

    found = shapley_exact(lambda z: (z * weight).sum(dim=(1, 2, 3))[:, None], x, b, owner, players=2)

    expected = ((x - b.mean(dim=0)) * weight).numpy().reshape(2, 8)
    np.testing.assert_allclose(found.values[:, 0, 0], expected[:, owner == 0].sum(axis=1), atol=1e-12)


@pytest.mark.parametrize("m", range(1, 8))
def test_the_weights_of_all_coalitions_are_a_mean_over_orders(m):
    matrix = coalition_weights(m)

    np.testing.assert_allclose(matrix.sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(np.clip(matrix, 0, None).sum(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize(
    ("background", "owner", "options"),
    [
        (torch.zeros(0, 3), [0, 1, 2], {}),
        (torch.zeros(2, 3), [0, 1, 3], {}),
        (torch.zeros(2, 3), [0, 1], {}),
        (torch.zeros(2, 3), [0, 1, 2], {"weights": np.array([1.0, -1.0])}),
        (torch.zeros(2, 3), [0, 1, 2], {"weights": np.array([1.0])}),
        (torch.zeros(2, 3, dtype=torch.int64), [0, 1, 2], {}),
        (torch.zeros(2, 4), [0, 1, 2, 0], {}),
    ],
)
def test_what_does_not_fit_is_refused(background, owner, options):
    with pytest.raises(MethodError):
        shapley_exact(lambda z: z.sum(dim=1, keepdim=True), torch.ones(1, 3), background, np.array(owner), players=3, **options)


def test_too_many_players_are_refused():
    with pytest.raises(MethodError, match="17 players vary"):
        shapley_exact(lambda z: z.sum(dim=1, keepdim=True), torch.ones(1, 17), torch.zeros(1, 17), np.arange(17), players=17)


@pytest.mark.slow
def test_shap_gives_the_same_values_exactly_and_by_a_full_kernel():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap warns of its own plotting and numba dependencies on import
        import shap  # noqa: PLC0415

        f, x, b = network(7, k=2), tensor(3, 7), tensor(20, 7)
        call = lambda z: f(torch.from_numpy(np.asarray(z, dtype=np.float64))).numpy()  # noqa: E731
        exact = shap.ExactExplainer(call, shap.maskers.Independent(b.numpy(), max_samples=20))(x.numpy()).values
        kernel = shap.KernelExplainer(call, b.numpy()).shap_values(x.numpy(), l1_reg=0, silent=True)

    found = shapley_exact(f, x, b, np.arange(7), players=7)

    np.testing.assert_allclose(found.values, exact, atol=1e-10)
    np.testing.assert_allclose(found.values, kernel, atol=1e-8)
