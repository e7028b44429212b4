"""A reconstruction becomes its error, a low score its negative: the same for arrays and tensors, with gradients both ways."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from audit.data.batch import Batch
from audit.errors import ModelError
from audit.models.function_model import FunctionModel
from audit.models.hooks import capture
from audit.models.readings import LOW_IS_UNUSUAL, RECONSTRUCTION
from audit.models.torch_model import TorchModel
from tests.smoke.architectures import autoencoder

VALUES = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)


def batch(values: np.ndarray) -> Batch:
    return Batch({"values": values}, "values", None)  # type: ignore[arg-type]


def network(module: nn.Module, values: np.ndarray = VALUES, **settings: int) -> TorchModel:
    found = TorchModel(module, device="cpu", **settings)  # type: ignore[arg-type]
    found.read_by(RECONSTRUCTION)
    found.trial(batch(values))
    return found


def test_the_score_is_the_mean_squared_error_of_the_row() -> None:
    torch.manual_seed(0)
    module = autoencoder()
    returned = module(torch.tensor(VALUES)).detach().numpy()

    found = network(module, micro_batch=3).outputs(batch(VALUES))

    assert found.shape == (7, 1)
    np.testing.assert_allclose(found[:, 0], [np.mean((a - b) ** 2) for a, b in zip(VALUES, returned, strict=True)], rtol=1e-5)


@pytest.mark.parametrize("flat", [False, True])
def test_an_image_may_come_back_as_an_image_or_flat(flat: bool) -> None:
    images = np.random.default_rng(1).normal(size=(3, 2, 4, 5)).astype(np.float32)
    halved = nn.Sequential(nn.Conv2d(2, 2, 1), *([nn.Flatten()] if flat else []))
    nn.init.dirac_(halved[0].weight)
    nn.init.zeros_(halved[0].bias)
    halved[0].weight.data *= 0.5

    found = network(halved, images).outputs(batch(images))

    np.testing.assert_allclose(found[:, 0], 0.25 * np.square(images).mean(axis=(1, 2, 3)), rtol=1e-5)


def test_the_gradient_of_the_error_flows_through_both_sides() -> None:
    # (Wx - x)² / d has the gradient 2 (W - I)' (W - I) x / d; without the side of the row itself it would be 2 W' (W - I) x / d.
    weight = np.random.default_rng(2).normal(size=(4, 4)).astype(np.float32)
    linear = nn.Linear(4, 4, bias=False)
    linear.weight.data = torch.tensor(weight)
    model = network(linear)

    leaf = model.tensor(VALUES).requires_grad_()
    with model.session(gradients=True) as call:
        (gradient,) = torch.autograd.grad(call(leaf).sum(), leaf)

    apart = weight - np.eye(4)
    assert "gradients" in model.capabilities
    np.testing.assert_allclose(gradient.numpy(), VALUES @ apart.T @ apart * 2 / 4, rtol=1e-4, atol=1e-5)


def test_layers_are_hooked_as_before() -> None:
    module = autoencoder()
    model = network(module)

    with capture(module, ["2"]) as seen, model.session(gradients=False) as call:
        call(model.tensor(VALUES))

    assert seen["2"].shape == (7, 2)


def test_no_rows_have_no_errors() -> None:
    assert network(autoencoder()).outputs(batch(VALUES[:0])).shape == (0, 1)


@pytest.mark.parametrize("module", [nn.Linear(4, 3), nn.Sequential(nn.Linear(4, 5), nn.Unflatten(1, (5, 1)))])
def test_a_reconstruction_of_another_size_is_refused_with_both_sizes(module: nn.Module) -> None:
    with pytest.raises(ModelError, match=r"rows of 4 numbers.*\(7, 4\) is expected") as caught:
        network(module)

    assert "[" not in str(caught.value)


def test_the_run_is_told_how_the_output_is_read() -> None:
    assert "mean squared error" in network(autoencoder()).description["reading"]


def function(answer, reading) -> FunctionModel:  # type: ignore[no-untyped-def]
    found = FunctionModel(answer, dtype="float32", micro_batch=4, description={})
    found.read_by(reading)
    return found


def test_a_function_that_returns_rows_is_read_alike() -> None:
    images = VALUES[:6].reshape(2, 1, 3, 4)

    found = function(lambda leaf: leaf * 0.5, RECONSTRUCTION).outputs(batch(images))

    np.testing.assert_allclose(found[:, 0], 0.25 * np.square(images).mean(axis=(1, 2, 3)), rtol=1e-6)
    with pytest.raises(ModelError, match="is expected"):
        function(lambda leaf: leaf[:, :3], RECONSTRUCTION).outputs(batch(VALUES))


def test_a_low_score_is_held_as_its_negative() -> None:
    found = function(lambda leaf: leaf[:, 0], LOW_IS_UNUSUAL).outputs(batch(VALUES))

    np.testing.assert_array_equal(found[:, 0], -VALUES[:, 0].astype(np.float64))


def test_what_is_no_tensor_is_refused_by_its_name() -> None:
    class Pair(nn.Module):
        def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return rows, rows

    with pytest.raises(ModelError, match="returns a tuple of 2"):
        network(Pair())
