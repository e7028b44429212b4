"""Axioms on planted networks: a column without effect gets nothing, twins get the same, whatever the method and the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from audit.methods.attribution.deep_shap import deep_shap
from audit.methods.attribution.expected_gradients import Draws, drawn, expected_gradients
from audit.methods.attribution.integrated_gradients import integrated_gradients
from audit.methods.attribution.occlusion import occlusion
from audit.methods.attribution.shapley import shapley_values

D, ROWS, TARGET = 6, 3, torch.tensor([0, 1, 1])
OWNER = np.arange(D)
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "softmax": lambda: nn.Softmax(dim=1)}
Explained = tuple[np.ndarray, Any]


def shapley(estimator: str, exact_up_to: int) -> Callable[..., Explained]:
    def explain(network: nn.Module, inputs: Tensor, background: Tensor) -> Explained:
        def draw(row: int) -> Callable[[int], np.ndarray]:
            stream = np.random.default_rng([1, row])
            return lambda count: stream.permuted(np.broadcast_to(OWNER, (len(background), count, D)), axis=2)

        draws = [draw(row) for row in range(ROWS)]
        found = shapley_values(network, inputs, background, OWNER, players=D, draws=draws, exact_up_to=exact_up_to, pairs=40, estimator=estimator)
        row = np.arange(ROWS)
        return found.values[row, :, TARGET.numpy()], found.se[row, :, TARGET.numpy()]

    return explain


def gradients(network: nn.Module, inputs: Tensor, background: Tensor) -> Explained:
    return integrated_gradients(network, inputs, background, TARGET, steps=(16,)).values, 0.0


def deep(network: nn.Module, inputs: Tensor, background: Tensor) -> Explained:
    return deep_shap(network, inputs, background, TARGET).values, 0.0


def expected(network: nn.Module, inputs: Tensor, background: Tensor) -> Explained:
    held = [drawn(np.random.default_rng([2, row]), len(background), 30) for row in range(ROWS)]
    draws = Draws(*(np.stack([one[part] for one in held]) for part in (0, 1)))
    return expected_gradients(network, inputs, background, TARGET, OWNER, players=D, draws=draws).values, 0.0


def occluded(network: nn.Module, inputs: Tensor, background: Tensor) -> Explained:
    return occlusion(network, inputs, background, np.eye(D, dtype=bool), TARGET).values, 0.0


METHODS: dict[str, Callable[..., Explained]] = {
    "shapley, enumerated": shapley("auto", D),
    "shapley, permutations": shapley("permutation", 0),
    "integrated gradients": gradients,
    "deep_shap": deep,
    "expected gradients": expected,
    "occlusion": occluded,
}


def planted(seed: int, activation: str) -> tuple[nn.Module, Tensor, Tensor]:
    """A network in which column 4 has no effect and columns 1 and 3 are twins, rows with equal twins, and a background with equal twins."""
    generator = torch.Generator().manual_seed(seed)
    network = nn.Sequential(nn.Linear(D, 12), ACTIVATIONS[activation](), nn.Linear(12, 8), ACTIVATIONS[activation](), nn.Linear(8, 2))
    network = network.double().eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    network[0].weight[:, 4] = 0
    network[0].weight[:, 3] = network[0].weight[:, 1]
    rows, background = (torch.randn(count, D, generator=generator, dtype=torch.float64) for count in (ROWS, 4))
    for held in (rows, background):
        held[:, 3] = held[:, 1]
    return network, rows, background


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_column_without_effect_gets_nothing_and_twins_get_the_same(method, activation, seed):
    network, rows, background = planted(seed, activation)

    values, se = METHODS[method](network, rows, background)

    size = 1e-9 * (1 + np.abs(values).max())
    np.testing.assert_allclose(values[:, 4], 0, atol=size)
    error = np.zeros(ROWS) if np.ndim(se) == 0 else 6 * np.hypot(se[:, 1], se[:, 3])
    assert (np.abs(values[:, 1] - values[:, 3]) <= error + size).all()
    assert np.abs(values).max() > 0


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), activation=st.sampled_from(sorted(ACTIVATIONS)))
def test_quadrature_keeps_both_axioms_within_its_error(seed, activation):
    network, rows, background = planted(seed, activation)
    exact, _ = METHODS["shapley, enumerated"](network, rows, background)

    values, _ = shapley("quadrature", 0)(network, rows, background)

    size = 0.02 * (1 + np.abs(exact).max())
    assert (np.abs(values[:, 4]) <= size).all()
    assert (np.abs(values[:, 1] - values[:, 3]) <= size).all()


@pytest.mark.parametrize("method", METHODS)
def test_attributions_follow_columns_that_change_places(method):
    network, rows, background = planted(7, "tanh")
    order = torch.tensor([5, 1, 0, 3, 2, 4])
    moved = nn.Sequential(nn.Linear(D, 12), *list(network)[1:]).double().requires_grad_(False)
    moved[0].weight.copy_(network[0].weight[:, order])
    moved[0].bias.copy_(network[0].bias)

    before, se = METHODS[method](network, rows, background)
    after, other = METHODS[method](moved, rows[:, order], background[:, order])

    error = 0.0 if np.ndim(se) == 0 else 6 * np.hypot(se[:, order.numpy()], other)
    assert (np.abs(after - before[:, order.numpy()]) <= error + 1e-9).all()
