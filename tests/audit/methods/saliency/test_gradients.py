"""Gradients are captum's, and weights where the network is linear."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import InputXGradient, NoiseTunnel, Saliency

from audit.errors import MethodError
from audit.methods.saliency.gradients import Averaged, averaged, gradients, noisy_gradients
from tests.audit.methods.saliency.networks import rows, smooth

TARGET = torch.tensor([0, 3, 1, 1, 2])


def smoothed(network: torch.nn.Module, inputs: torch.Tensor, target: torch.Tensor, noise: torch.Tensor, scale: torch.Tensor) -> Averaged:
    return averaged(slope.numpy() for slope in noisy_gradients(network, inputs, target, noise, scale=scale))


def test_gradients_are_those_of_captum() -> None:
    inputs, network = rows(5, 3), smooth()

    found = gradients(network, inputs, TARGET)

    leaf = inputs.clone().requires_grad_()
    torch.testing.assert_close(found, Saliency(network).attribute(leaf, target=TARGET, abs=False), rtol=0, atol=1e-14)
    torch.testing.assert_close(inputs * found, InputXGradient(network).attribute(leaf, target=TARGET).detach(), rtol=0, atol=1e-14)


def test_gradients_of_a_linear_network_are_its_weights() -> None:
    network = torch.nn.Linear(4, 3).double()

    found = gradients(network, rows(3, 4), torch.tensor([2, 0, 1]))

    torch.testing.assert_close(found, network.weight.detach()[[2, 0, 1]])


def test_a_row_has_the_same_gradient_alone_in_company_and_across_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, network = rows(5, 3), smooth()
    whole = gradients(network, inputs, TARGET)

    monkeypatch.setattr("audit.methods.saliency.gradients.CHUNK_ROWS", 2)

    torch.testing.assert_close(gradients(network, inputs, TARGET), whole, rtol=0, atol=1e-15)
    torch.testing.assert_close(gradients(network, inputs[3:4], TARGET[3:4]), whole[3:4], rtol=0, atol=1e-15)


def test_the_callers_tensor_and_network_are_left_as_they_were() -> None:
    inputs, network = rows(5, 3), smooth()

    gradients(network, inputs, TARGET)

    assert not inputs.requires_grad
    assert all(parameter.grad is None for parameter in network.parameters())


def test_smoothgrad_is_that_of_captum_on_the_same_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, network, draws = rows(5, 3), smooth(), 6
    noise = rows(5 * draws, 3)
    monkeypatch.setattr(torch, "normal", lambda mean, std: mean + std * noise)

    found = smoothed(network, inputs, TARGET, noise.reshape(5, draws, 3).transpose(0, 1), torch.full((3,), 0.4))

    theirs = NoiseTunnel(Saliency(network)).attribute(inputs.clone().requires_grad_(), nt_samples=draws, stdevs=0.4, target=TARGET, abs=False)
    np.testing.assert_allclose(found.mean, theirs.detach(), rtol=0, atol=1e-7)  # captum holds the deviation in float32


def test_smoothgrad_of_a_linear_network_has_no_doubt() -> None:
    network = torch.nn.Linear(4, 1).double()

    found = smoothed(network, rows(2, 4), torch.zeros(2, dtype=torch.long), rows(7, 2, 4), torch.ones(4))

    np.testing.assert_allclose(found.mean, network.weight.detach().expand(2, 4))
    assert found.se.max() < 1e-15
    assert found.draws == 7


def test_the_mean_and_its_error_are_those_of_the_draws() -> None:
    draws = np.random.default_rng(1).normal(size=(9, 2, 3))

    found = averaged(draws)

    np.testing.assert_allclose(found.mean, draws.mean(axis=0))
    np.testing.assert_allclose(found.se, draws.std(axis=0, ddof=1) / 3)


def test_one_draw_has_an_unknown_error_and_none_is_refused() -> None:
    assert np.isnan(averaged([np.ones(2)]).se).all()
    with pytest.raises(MethodError, match="at least one draw"):
        averaged([])


def test_an_integer_leaf_is_refused() -> None:
    with pytest.raises(MethodError, match="floating leaf"):
        gradients(smooth(), torch.ones(2, 3, dtype=torch.int64), torch.zeros(2, dtype=torch.int64))


def test_noise_of_another_shape_is_refused() -> None:
    with pytest.raises(MethodError, match="noise has shape"):
        next(noisy_gradients(smooth(), rows(2, 3), torch.zeros(2, dtype=torch.int64), [rows(3)], scale=torch.ones(3)))
