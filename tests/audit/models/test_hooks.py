"""Hooks see what a layer carried, say when it was never called, and are always removed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from audit.errors import ModelError
from audit.models.hooks import capture
from tests.audit.models.networks import Answers, perceptron


def hooks_of(module: nn.Module) -> int:
    return sum(len(part._forward_hooks) for part in module.modules())


def test_activations_are_what_the_layers_return() -> None:
    network, x = perceptron().eval(), torch.ones(2, 3)

    with capture(network, ["0", "3"]) as seen:
        network(x)

    torch.testing.assert_close(seen["0"], network[0](x))
    torch.testing.assert_close(seen["3"], network[:4](x))
    assert hooks_of(network) == 0


def test_inputs_of_a_layer_can_be_asked_for() -> None:
    network = perceptron().eval()

    with capture(network, ["0"], side="input") as seen:
        network(torch.ones(2, 3))

    torch.testing.assert_close(seen["0"], torch.ones(2, 3))


def test_an_unknown_layer_is_refused_with_the_nearest() -> None:
    network = nn.ModuleDict({"encoder": nn.Linear(2, 2)})

    with pytest.raises(ModelError, match="did you mean 'encoder'"), capture(network, ["encodr"]):
        pass


def test_a_layer_that_is_never_called_is_named() -> None:
    network = Answers(lambda x: x)
    network.unused = nn.Linear(2, 2)

    with pytest.raises(ModelError, match="'unused' was never called"), capture(network, ["unused"]):
        network(torch.ones(1, 2))

    assert hooks_of(network) == 0


def test_a_layer_that_returns_no_tensor_is_named() -> None:
    network = nn.Sequential(nn.LSTM(2, 2))

    with pytest.raises(ModelError, match="tuple"), capture(network, ["0"]):
        network(torch.ones(1, 1, 2))


def test_hooks_are_removed_after_an_error() -> None:
    network = perceptron()

    with pytest.raises(ZeroDivisionError), capture(network, ["0"]):
        raise ZeroDivisionError

    assert hooks_of(network) == 0
