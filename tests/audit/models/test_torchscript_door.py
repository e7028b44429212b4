"""TorchScript, and an export beside it, gives outputs and gradients of the network it was made from, and nothing of its layers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from audit.errors import ModelError
from audit.methods.attribution.integrated_gradients import integrated_gradients
from audit.methods.attribution.shapley_exact import shapley_exact
from audit.models.torch_model import TorchModel
from tests.audit.models.networks import batch, perceptron, rows
from tests.audit.models.programs import export, rewrite, script, trusted

VALUES = rows(6).astype(np.float32)


def saved(folder: Path, kind: str, network: nn.Module) -> TorchModel:
    inputs = torch.zeros(2, 3)
    if kind == "export":
        return trusted(export(network, inputs, folder / "network.pt2"))
    return trusted(script(network, folder / "network.ts", inputs if kind == "traced" else None, freeze=kind == "frozen"))


@pytest.fixture(params=["traced", "compiled", "frozen", "compiled in training mode", "export"])
def opened(tmp_path: Path, request: pytest.FixtureRequest) -> TorchModel:
    network = perceptron()
    return saved(tmp_path, request.param, network if "training" in request.param else network.eval())


def test_outputs_equal_those_of_the_module_however_often(opened: TorchModel) -> None:
    expected = perceptron().eval()(torch.tensor(VALUES)).detach().numpy()

    for _ in range(3):
        np.testing.assert_allclose(opened.outputs(batch(VALUES)), expected, atol=1e-6)


def test_gradients_equal_those_of_the_module(opened: TorchModel) -> None:
    leaf, other = opened.tensor(VALUES).requires_grad_(), torch.tensor(VALUES, requires_grad=True)
    (expected,) = torch.autograd.grad(perceptron().eval()(other)[:, 0].sum(), other)

    with opened.session(gradients=True) as network:
        (found,) = torch.autograd.grad(network(leaf)[:, 0].sum(), leaf)

    torch.testing.assert_close(found, expected)


def test_shapley_values_equal_those_of_the_module(opened: TorchModel) -> None:
    found = []
    for model in (opened, TorchModel(perceptron(), device="cpu")):
        with model.session(gradients=False) as network:
            found.append(shapley_exact(network, model.tensor(VALUES), model.tensor(VALUES[:3]), np.arange(3), players=3).values)

    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_integrated_gradients_equal_those_of_the_module(opened: TorchModel) -> None:
    found = []
    for model in (opened, TorchModel(perceptron(), device="cpu")):
        with model.session(gradients=True) as network:
            found.append(explained(network, model.tensor(VALUES)))

    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def explained(network: Any, inputs: torch.Tensor) -> np.ndarray:
    target = torch.zeros(len(inputs), dtype=torch.int64)
    return np.asarray(integrated_gradients(network, inputs, torch.zeros(1, 3), target).values)


def test_a_script_offers_no_layers(tmp_path: Path) -> None:
    opened = saved(tmp_path, "compiled", perceptron())

    opened.trial(batch(VALUES))

    assert opened.capabilities == {"outputs", "gradients"}


def test_a_session_leaves_mode_and_flags_as_they_were(tmp_path: Path) -> None:
    opened = saved(tmp_path, "compiled", perceptron())
    flags = [parameter.requires_grad for parameter in opened.module.parameters()]
    modes = [part.training for part in opened.module.modules()]

    opened.outputs(batch(VALUES))

    assert [parameter.requires_grad for parameter in opened.module.parameters()] == flags == [True] * 6
    assert [part.training for part in opened.module.modules()] == modes


def test_a_script_is_converted_without_being_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = script(perceptron().eval(), tmp_path / "network.ts")
    monkeypatch.setattr(copy, "deepcopy", None)

    found = trusted(path, dtype="float64").outputs(batch(rows(3)))

    np.testing.assert_allclose(found, perceptron().double().eval()(torch.tensor(rows(3))).detach().numpy(), atol=1e-12)


def test_a_frozen_script_is_not_converted(tmp_path: Path) -> None:
    path = script(perceptron().eval(), tmp_path / "network.ts", freeze=True)

    with pytest.raises(ModelError, match=r"frozen in float32.*'float64'"):
        trusted(path, dtype="float64")


def test_a_script_traced_in_training_mode_is_refused_by_the_operation(tmp_path: Path) -> None:
    path = script(nn.Sequential(nn.Linear(3, 2), nn.Dropout()).train(), tmp_path / "network.ts", torch.zeros(2, 3))

    with pytest.raises(ModelError, match=r"training mode.*aten::dropout"):
        trusted(path)


def test_inputs_it_was_not_made_for_are_told_in_one_line(tmp_path: Path) -> None:
    opened = saved(tmp_path, "compiled", nn.Linear(3, 2))

    with pytest.raises(ModelError, match=r"shape \(4, 2\).*mat1 and mat2"):
        opened.outputs(batch(rows(4, width=2)))


def test_a_damaged_script_is_refused(tmp_path: Path) -> None:
    path = script(perceptron(), tmp_path / "network.ts")
    rewrite(path, lambda entries: entries.update({name: b"def" for name in entries if name.endswith(".py")}))

    with pytest.raises(ModelError, match=r"network\.ts"):
        trusted(path)
