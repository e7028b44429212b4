"""Expected gradients against shap's on its own draws, against the path integral they estimate, and what their errors promise."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from audit.errors import MethodError
from audit.methods.attribution.expected_gradients import Draws, as_shap_draws, expected_gradients
from audit.methods.attribution.expected_gradients import drawn as draw
from audit.methods.attribution.integrated_gradients import integrated_gradients
from tests.audit.methods.attribution.networks import drawn, fixed

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import shap

NETWORK = fixed(nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3)))
OWNER = np.arange(6)


def draws(rows, baselines, samples, seed=0):
    both = [draw(np.random.default_rng((seed, row)), baselines, samples) for row in range(rows)]
    return Draws(np.stack([chosen for chosen, _ in both]), np.stack([place for _, place in both]))


@pytest.mark.parametrize("chunk", [7, 4096])
def test_shap_s_own_draws_give_shap_s_numbers(chunk):
    network = fixed(nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3)), torch.float32)
    inputs, baselines = drawn(4, (6,), torch.float32), drawn(9, (6,), torch.float32, seed=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = shap.GradientExplainer(network, baselines).shap_values(inputs, nsamples=25, rseed=3)

    for output in range(3):
        plan, target = as_shap_draws(3, 4, 9, 25), torch.full((4,), output)
        ours = expected_gradients(network, inputs, baselines, target, OWNER, players=6, draws=plan, chunk=chunk).values
        np.testing.assert_allclose(ours, theirs[..., output], atol=1e-6)


def test_values_lie_around_integrated_gradients_as_their_errors_say():
    inputs, baselines, target = drawn(40, (6,)), drawn(9, (6,), seed=2), torch.arange(40) % 3
    truth = integrated_gradients(NETWORK, inputs, baselines, target, tolerance=1e-9).values

    found = expected_gradients(NETWORK, inputs, baselines, target, OWNER, players=6, draws=draws(40, 9, 200))

    inside = np.abs(found.values - truth) <= 1.96 * found.se
    assert 0.90 <= inside.mean() <= 0.99
    np.testing.assert_allclose(found.gap, np.abs(found.values.sum(axis=1) - (found.total - found.base)), atol=1e-12)


def test_a_linear_network_leaves_only_the_draw_of_baselines():
    network, inputs, baselines = fixed(nn.Linear(6, 3)), drawn(3, (6,)), drawn(5, (6,), seed=2)
    every = Draws(np.tile(np.arange(5), (3, 1)), np.random.default_rng(0).uniform(size=(3, 5)))

    found = expected_gradients(network, inputs, baselines, torch.full((3,), 1), OWNER, players=6, draws=every)

    np.testing.assert_allclose(found.values, network.weight[1] * (inputs - baselines.mean(dim=0)), atol=1e-12)
    assert found.gap.max() < 1e-12


def test_players_get_the_sum_of_their_entries_and_their_own_error():
    inputs, baselines, target, plan = drawn(3, (6,)), drawn(5, (6,), seed=2), torch.arange(3), draws(3, 5, 30)
    owner = np.array([0, 1, 0, 1, 1, 0])

    each = expected_gradients(NETWORK, inputs, baselines, target, OWNER, players=6, draws=plan)
    both = expected_gradients(NETWORK, inputs, baselines, target, owner, players=2, draws=plan)

    np.testing.assert_allclose(both.values[:, 0], each.values[:, [0, 2, 5]].sum(axis=1), atol=1e-12)
    assert not np.allclose(both.se[:, 0] ** 2, (each.se[:, [0, 2, 5]] ** 2).sum(axis=1))


def test_baselines_of_a_row_s_own_are_its_own():
    inputs, baselines, target = drawn(3, (6,)), drawn(3, (6,), seed=2)[:, None], torch.arange(3)

    found = expected_gradients(NETWORK, inputs, baselines, target, OWNER, players=6, draws=draws(3, 1, 20))

    for row in range(3):
        plan = Draws(*(part[row : row + 1] for part in (draws(3, 1, 20).baseline, draws(3, 1, 20).place)))
        alone = expected_gradients(NETWORK, inputs[row : row + 1], baselines[row], target[row : row + 1], OWNER, players=6, draws=plan)
        np.testing.assert_allclose(found.values[row], alone.values[0], atol=1e-12)
        np.testing.assert_allclose(found.base[row], alone.base[0], atol=1e-12)


def test_draws_that_do_not_fit_are_refused():
    with pytest.raises(MethodError, match="one of 2 baselines"):
        expected_gradients(NETWORK, drawn(3, (6,)), drawn(2, (6,)), torch.zeros(3).long(), OWNER, players=6, draws=draws(3, 9, 20))
