"""An exported network answers, differentiates and shows its layers as the module it was exported from."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import DeepLift
from torch import nn

from audit.errors import ModelError
from audit.methods.saliency.grad_cam import grad_cam, last_convolution
from audit.models.device import available
from audit.models.exported_model import ExportedModel
from audit.models.hooks import capture
from audit.models.torch_model import TorchModel
from tests.audit.models.networks import batch, perceptron, rows
from tests.audit.models.programs import Pictures, export, rewrite_json, script, trusted

PICTURES = np.random.default_rng(1).normal(size=(6, 1, 8, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> TorchModel:
    return trusted(export(Pictures(), torch.zeros(2, 1, 8, 8), tmp_path_factory.mktemp("m") / "network.pt2"))


@pytest.fixture(scope="module")
def original() -> TorchModel:
    return TorchModel(Pictures(), device="cpu")


def gradient(model: TorchModel, values: np.ndarray) -> np.ndarray:
    leaf = model.tensor(values).requires_grad_()
    with model.session(gradients=True) as network:
        (found,) = torch.autograd.grad(network(leaf)[:, 1].sum(), leaf)
    return found.numpy()


@pytest.mark.parametrize("count", [0, 1, 2, 6])
def test_outputs_equal_those_of_the_module(pictures: TorchModel, original: TorchModel, count: int) -> None:
    np.testing.assert_allclose(pictures.outputs(batch(PICTURES[:count])), original.outputs(batch(PICTURES[:count])), atol=1e-6)


def test_gradients_equal_those_of_the_module(pictures: TorchModel, original: TorchModel) -> None:
    np.testing.assert_allclose(gradient(pictures, PICTURES), gradient(original, PICTURES), atol=1e-6)


def test_layers_keep_names_classes_and_what_they_see(pictures: TorchModel, original: TorchModel) -> None:
    seen = []
    for model in (pictures, original):
        with model.session(gradients=False) as network, capture(model.module, ["convolution", "head"]) as found:
            network(model.tensor(PICTURES))
        seen.append(found)

    kinds = {name: type(part) for name, part in pictures.module.named_modules()}
    assert (kinds["convolution"], kinds["activation"], kinds["head"]) == (nn.Conv2d, nn.ReLU, nn.Linear)
    for name in ("convolution", "head"):
        torch.testing.assert_close(seen[0][name], seen[1][name])


def test_embeddings_equal_those_of_the_module(pictures: TorchModel, original: TorchModel) -> None:
    assert pictures.capabilities == {"outputs", "gradients", "modules", "embeddings"}
    np.testing.assert_allclose(pictures.embeddings(batch(PICTURES)), original.embeddings(batch(PICTURES)), atol=1e-6)


def test_grad_cam_equals_that_of_the_module(pictures: TorchModel, original: TorchModel) -> None:
    heat = []
    for model in (pictures, original):
        inputs = model.tensor(PICTURES)
        with model.session(gradients=True) as network:
            layer = last_convolution(network, model.module, inputs[:1])
            heat.append(grad_cam(network, model.module, inputs, torch.tensor([0, 1, 2, 0, 1, 2]), layer=layer).heat)

    torch.testing.assert_close(heat[0], heat[1])


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.ReLU(inplace=True), nn.Sigmoid(), nn.Softplus(2.0), nn.Tanh(), nn.ELU(0.7), nn.LeakyReLU(0.3)])
def test_deep_lift_which_replaces_activations_equals_that_of_the_module(tmp_path: Path, activation: nn.Module) -> None:
    torch.manual_seed(4)
    network = nn.Sequential(nn.Linear(3, 8), activation, nn.Linear(8, 2))
    values = torch.tensor(rows(4), dtype=torch.float32, requires_grad=True)
    opened = trusted(export(network, torch.zeros(2, 3), tmp_path / "network.pt2"))
    plain = nn.Sequential(network[0], copy.deepcopy(activation), network[2])

    with pytest.warns(UserWarning, match="forward, backward|required_grads"):
        found, expected = (DeepLift(module).attribute(values, torch.zeros(1, 3), target=1) for module in (opened.module, plain))

    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found.sum(1), (network(values) - network(torch.zeros(1, 3)))[:, 1], rtol=1e-4, atol=1e-5)


def test_nested_and_shared_parts_stay_what_they_were(tmp_path: Path) -> None:
    shared = nn.Linear(4, 4)
    network = nn.Sequential(nn.Linear(3, 4), nn.Sequential(shared, nn.GELU(approximate="tanh")), shared, nn.LayerNorm(4), nn.Softmax(dim=-1))
    values = rows(5)

    opened = trusted(export(network, torch.zeros(2, 3), tmp_path / "network.pt2"))

    np.testing.assert_allclose(opened.outputs(batch(values)), network(torch.tensor(values, dtype=torch.float32)).detach().numpy(), atol=1e-6)
    assert opened.description["parameters"] == sum(parameter.numel() for parameter in network.parameters())


def test_it_can_be_copied_and_the_copy_changed(pictures: TorchModel) -> None:
    before = pictures.outputs(batch(PICTURES))

    changed = copy.deepcopy(pictures.module)
    nn.init.zeros_(changed.get_submodule("head").weight)

    assert np.array_equal(pictures.outputs(batch(PICTURES)), before)
    assert not np.allclose(TorchModel(changed, device="cpu").outputs(batch(PICTURES)), before)


def test_sessions_leave_modes_flags_and_hooks_as_they_were(pictures: TorchModel) -> None:
    flags = [parameter.requires_grad for parameter in pictures.module.parameters()]

    gradient(pictures, PICTURES)

    assert [parameter.requires_grad for parameter in pictures.module.parameters()] == flags
    assert not any(part._forward_hooks for part in pictures.module.modules())


def test_the_same_file_has_the_same_digest_and_another_has_another(tmp_path: Path) -> None:
    path = export(perceptron(), torch.zeros(2, 3), tmp_path / "network.pt2")
    other = export(nn.Linear(3, 2), torch.zeros(2, 3), tmp_path / "other.pt2")

    assert trusted(path).digest == trusted(path).digest
    assert trusted(path).digest != trusted(other).digest


def test_a_largest_number_of_rows_becomes_the_micro_batch(tmp_path: Path) -> None:
    path = export(perceptron(), torch.zeros(2, 3), tmp_path / "network.pt2", ({0: torch.export.Dim("rows", min=1, max=4)},))

    opened = trusted(path)

    assert opened.description["micro_batch"] == 4
    assert opened.outputs(batch(rows(11))).shape == (11, 2)


def test_layers_that_do_not_call_their_hooks_are_not_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = trusted(export(perceptron(), torch.zeros(2, 3), tmp_path / "network.pt2"))
    monkeypatch.setattr(nn.Linear, "__call__", lambda self, x: self.forward(x))

    opened.trial(batch(rows(4)))

    assert isinstance(opened, ExportedModel)
    assert opened.capabilities == {"outputs", "gradients"}
    assert "not looked into" in opened.description["notes"][0]


class Two(nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        return x, x


class Half(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.ones(3, dtype=x.dtype)


def test_a_fixed_number_of_rows_is_refused_with_the_way_to_export(tmp_path: Path) -> None:
    path = export(perceptron(), torch.zeros(4, 3), tmp_path / "network.pt2", None)

    with pytest.raises(ModelError, match=r"4 rows at a time only.*dynamic_shapes"):
        trusted(path)


@pytest.mark.parametrize(("network", "operation"), [(nn.Dropout(), "aten.dropout"), (nn.BatchNorm1d(3), "aten.batch_norm")])
def test_training_mode_is_refused_by_the_operation(tmp_path: Path, network: nn.Module, operation: str) -> None:
    class Kept(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part = network

        def eval(self) -> Kept:
            return self

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.part(x)

    path = export(Kept(), torch.zeros(4, 3), tmp_path / "network.pt2", ({0: torch.export.Dim("rows", min=2)},))

    with pytest.raises(ModelError, match=f"training mode.*{operation}"):
        trusted(path)


def test_normalisation_without_running_statistics_is_no_training_mode(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3, track_running_stats=False))
    path = export(network, torch.zeros(4, 3), tmp_path / "network.pt2", ({0: torch.export.Dim("rows", min=2)},))

    assert "outputs" in trusted(path).capabilities


def test_another_floating_type_than_the_graph_s_is_refused(tmp_path: Path) -> None:
    path = export(perceptron(), torch.zeros(4, 3), tmp_path / "network.pt2")

    with pytest.raises(ModelError, match=r"float32 inputs.*found model.dtype = 'float64', expected 'float32'"):
        trusted(path, dtype="float64")


def test_a_graph_in_float64_is_run_in_float64(tmp_path: Path) -> None:
    path = export(perceptron().double(), torch.zeros(4, 3, dtype=torch.float64), tmp_path / "network.pt2")

    found = trusted(path, dtype="float64").outputs(batch(rows(3)))

    np.testing.assert_allclose(found, perceptron().double().eval()(torch.tensor(rows(3))).detach().numpy(), atol=1e-12)


def test_half_precision_and_several_outputs_are_refused(tmp_path: Path) -> None:
    half = export(Half(), torch.zeros(4, 3, dtype=torch.float16), tmp_path / "half.pt2")
    two = export(Two(), torch.zeros(4, 3), tmp_path / "two.pt2")

    with pytest.raises(ModelError, match="float16 inputs"):
        trusted(half)
    with pytest.raises(ModelError, match="returns 2 values"):
        trusted(two)


def test_inputs_of_another_width_are_refused_in_one_line(pictures: TorchModel) -> None:
    with pytest.raises(ModelError) as caught:
        pictures.outputs(batch(PICTURES[:, :, :5]))

    assert "(any, 1, 8, 8)" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


class Counted(nn.Module):
    """Adds tensors that its graph makes on a device of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) + torch.arange(x.shape[0]).reshape(-1, 1) + torch.ones(2)


def test_devices_written_in_the_graph_follow_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = export(Counted(), torch.zeros(4, 3), tmp_path / "network.pt2")
    for where in ("exported_door", "torch_model"):
        monkeypatch.setattr(f"audit.models.{where}.resolve", lambda *_, **__: torch.device("meta"))

    opened = trusted(path)

    assert opened.module(torch.zeros(5, 3, device="meta")).device.type == "meta"


class Series(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.series = nn.GRU(2, 3, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.series(x)[0][:, -1]


def test_recurrent_parts_are_known_as_such_for_gpus_that_cannot_differentiate_them(tmp_path: Path) -> None:
    exported = trusted(export(Series(), torch.zeros(2, 5, 2), tmp_path / "network.pt2"))
    scripted = trusted(script(Series(), tmp_path / "network.ts"))

    assert all(any(getattr(part, "holds_recurrent_", False) for part in opened.module.modules()) for opened in (exported, scripted))
    assert not any(getattr(part, "holds_recurrent_", False) for part in trusted(script(nn.Linear(3, 2), tmp_path / "other.ts")).module.modules())


@pytest.mark.skipif("cuda:0" in available(), reason="the device is there")
def test_an_export_on_a_device_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = export(perceptron(), torch.zeros(2, 3), tmp_path / "network.pt2")
    for name in ("models/model.json", "data/weights/model_weights_config.json"):
        rewrite_json(path, name, to_cuda)

    with pytest.raises(ModelError, match="exported on cuda, which this machine has not"):
        trusted(path)


def to_cuda(held: Any) -> None:
    parts = held.values() if isinstance(held, dict) else held if isinstance(held, list) else ()
    for part in parts:
        to_cuda(part)
    if isinstance(held, dict) and "device" in held and isinstance(held["device"], dict):
        held["device"] = {"type": "cuda", "index": 0}
