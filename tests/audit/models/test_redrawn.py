"""Weights drawn anew, and put back bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from audit.errors import MethodError
from audit.models.redrawn import redrawable, redrawn


def network():
    return nn.Sequential(nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Flatten(), nn.Linear(18, 4), nn.Linear(4, 2))


def bits(module):
    return {name: tensor.detach().clone().numpy().tobytes() for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize("layers", ["last", "all"])
def test_everything_is_put_back_bit_for_bit_even_after_an_error(layers):
    module = network().train()
    before, flags = bits(module), [p.requires_grad for p in module.parameters()]

    inside = {}

    def broken():
        with redrawn(module, np.random.default_rng(0), layers=layers):
            inside.update(bits(module))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()

    assert bits(module) == before
    assert [p.requires_grad for p in module.parameters()] == flags
    assert module.training
    changed = {name for name in before if before[name] != inside[name]}
    weights = {"0.weight", "4.weight", "5.weight"}
    assert changed & weights == ({"5.weight"} if layers == "last" else weights)
    assert not any("running" in name or "num_batches" in name for name in changed)


def test_matrices_keep_their_size_and_lose_their_mean():
    module = nn.Linear(400, 50)
    nn.init.constant_(module.weight, 2.0)

    with redrawn(module, np.random.default_rng(1), layers="all"):
        weight, bias = module.weight.detach().clone(), module.bias.detach().clone()

    assert float(weight.mean()) == pytest.approx(0, abs=0.05)
    assert float(weight.square().mean().sqrt()) == pytest.approx(2, rel=0.02)
    assert sorted(bias.tolist()) == sorted(module.bias.tolist())


def test_the_same_stream_draws_the_same_weights():
    module, found = nn.Linear(3, 2), []
    for seed in (1, 1, 2):
        with redrawn(module, np.random.default_rng(seed), layers="last"):
            found.append(module.weight.detach().clone())

    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_network_without_matrices_is_refused():
    module = nn.BatchNorm1d(3)

    assert not redrawable(module)
    assert redrawable(network())
    with pytest.raises(MethodError, match="no matrix of weights"), redrawn(module, np.random.default_rng(0), layers="all"):
        pass
