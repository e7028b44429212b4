"""Weights are read from every door without running anything, and must fit the architecture."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from audit.errors import ModelError, UntrustedFileError, WeightsError
from audit.models.network import open_network
from audit.models.torch_model import TorchModel
from tests.audit.models.networks import batch, rows

LINEAR = {"in_features": 3, "out_features": 2}


def network() -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(3, 2)


def opened(weights: Path, **settings: Any) -> TorchModel:
    return open_network(**({"architecture": "torch.nn:Linear", "arguments": LINEAR, "weights": weights, "device": "cpu"} | settings))


def prefixed(prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in network().state_dict().items()}


@pytest.mark.parametrize(
    "content",
    [
        prefixed(""),
        {"state_dict": prefixed(""), "epoch": 3},
        {"model_state_dict": prefixed("module."), "optimizer": {"lr": 0.1}},
        {"model": prefixed("_orig_mod.")},
        [prefixed("module._orig_mod.")],
        {name: value.to(torch.bfloat16).double() for name, value in prefixed("").items()},
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_state_dicts_are_found_however_they_were_wrapped(tmp_path: Path, content: Any, zipped: bool) -> None:
    path, values = tmp_path / "weights.pt", rows(4)
    torch.save(content, path, _use_new_zipfile_serialization=zipped)

    found = opened(path).outputs(batch(values))

    np.testing.assert_allclose(found, network()(torch.tensor(values, dtype=torch.float32)).detach().numpy(), atol=0.02)


def test_safetensors_give_the_saved_network_and_say_so(tmp_path: Path) -> None:
    path, values = tmp_path / "weights.safetensors", rows(4)
    save_file(network().state_dict(), path)

    found = opened(path, dtype="float64")

    np.testing.assert_allclose(found.outputs(batch(values)), network().double()(torch.tensor(values)).detach().numpy())
    description = found.description
    assert (description["door"], description["parameters"], description["dtype"]) == ("safetensors", 8, "float64")
    assert len(description["weights"]["sha256"]) == 64


def test_the_door_does_not_change_the_digest(tmp_path: Path) -> None:
    save_file(network().state_dict(), tmp_path / "weights.safetensors")
    torch.save(network().state_dict(), tmp_path / "weights.pth")

    assert opened(tmp_path / "weights.safetensors").digest == opened(tmp_path / "weights.pth").digest


def test_tied_weights_that_are_kept_once_fit(tmp_path: Path) -> None:
    code = tmp_path / "netassay_tied.py"
    code.write_text(
        "from torch import nn\ndef build():\n    m = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))\n    m[1].weight = m[0].weight\n    return m\n"
    )
    save_file({"0.weight": torch.eye(3), "0.bias": torch.zeros(3), "1.bias": torch.ones(3)}, tmp_path / "w.safetensors")

    found = opened(tmp_path / "w.safetensors", architecture="netassay_tied:build", arguments={}, code=[tmp_path])

    np.testing.assert_allclose(found.outputs(batch(np.zeros((1, 3)))), np.ones((1, 3)))


class Canary:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)  # harmless, and it must never run


@pytest.mark.parametrize("save", ["torch", "legacy", "pickle"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_file_that_would_run_code_is_refused_and_runs_nothing(tmp_path: Path, save: str, wrapped: bool) -> None:
    ran, path = tmp_path / "ran", tmp_path / "weights.pt"
    content = {"state_dict": network().state_dict(), "extra": Canary(ran)} if wrapped else Canary(ran)
    if save == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=save == "torch")

    with pytest.raises(UntrustedFileError, match="nothing of the file was run"):
        opened(path)

    assert not ran.exists()


@pytest.mark.parametrize("forced", [True, False])
def test_a_pickled_module_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forced: bool) -> None:
    torch.save(network(), tmp_path / "weights.pt")
    if forced:
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")

    with pytest.raises(UntrustedFileError, match="more than weights"):
        opened(tmp_path / "weights.pt")


def test_every_later_load_of_the_process_is_restricted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", raising=False)
    save_file(network().state_dict(), tmp_path / "w.safetensors")

    opened(tmp_path / "w.safetensors")

    assert os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] == "1"


def test_a_script_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "weights.pt", "w") as archive:
        for name, content in {"data.pkl": b"\x80\x02}.", "constants.pkl": b"\x80\x02).", "version": b"3\n", "byteorder": b"little"}.items():
            archive.writestr(f"weights/{name}", content)

    with pytest.raises(ModelError):
        opened(tmp_path / "weights.pt")


def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.models.unpacked_size.LARGEST_SIZE", 2**22)
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("weights/data/0", "w") as entry:
        for _ in range(8):
            entry.write(bytes(2**20))

    with pytest.raises(UntrustedFileError, match="unpack"):
        opened(path)


@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"\x80\x02", bytes(range(256)) * 4, b"\xff" * 64])
def test_a_damaged_file_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ModelError, match=name):
        opened(tmp_path / name)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    torch.save(network().state_dict(), tmp_path / "weights.pt")
    whole = (tmp_path / "weights.pt").read_bytes()
    (tmp_path / "weights.pt").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(ModelError):
        opened(tmp_path / "weights.pt")


@pytest.mark.parametrize("content", [torch.zeros(2), {"epoch": 3}, {}, [1, 2], {"model": {"lr": 0.1}}])
def test_a_file_without_a_state_dict_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "weights.pt")

    with pytest.raises(ModelError, match="state dict"):
        opened(tmp_path / "weights.pt")


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(2, 4), **{f"extra.{i}": torch.zeros(1) for i in range(7)}}, tmp_path / "w.safetensors")

    with pytest.raises(WeightsError) as caught:
        opened(tmp_path / "w.safetensors")

    message = str(caught.value)
    assert "1 missing (bias)" in message
    assert "7 unexpected (extra.0, extra.1, extra.2, extra.3, extra.4 and 2 more)" in message
    assert "1 of another shape (weight is (2, 4), expected (2, 3))" in message


def test_other_endings_and_absent_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.onnx").touch()

    with pytest.raises(ModelError, match=r"\.safetensors"):
        opened(tmp_path / "weights.onnx")
    with pytest.raises(ModelError, match="does not exist"):
        opened(tmp_path / "weights.pt")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", ["w.safetensors", "w.pt"])
def test_weights_of_another_precision_are_converted(tmp_path: Path, dtype: torch.dtype, name: str) -> None:
    state, values = {key: value.to(dtype) for key, value in network().state_dict().items()}, rows(4)
    (save_file if name.endswith("safetensors") else torch.save)(state, tmp_path / name)

    found = opened(tmp_path / name)

    expected = values.astype(np.float32) @ state["weight"].float().numpy().T + state["bias"].float().numpy()
    assert found.dtype == "float32"
    np.testing.assert_allclose(found.outputs(batch(values)), expected, atol=1e-6)


def saved_on_cuda(content: Any, path: Path) -> None:
    """Save, and write cuda:0 where the pickle names the device of each storage."""
    torch.save(content, path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, held in entries.items():
            archive.writestr(name, held.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0") if name.endswith("data.pkl") else held)
    assert b"cuda:0" in path.read_bytes()


def test_weights_saved_on_a_gpu_are_read_on_the_cpu(tmp_path: Path) -> None:
    saved_on_cuda({"state_dict": network().state_dict()}, tmp_path / "weights.pt")

    found = opened(tmp_path / "weights.pt").outputs(batch(rows(4)))

    np.testing.assert_allclose(found, network()(torch.tensor(rows(4), dtype=torch.float32)).detach().numpy(), atol=1e-6)


def sharded(folder: Path, places: dict[str, str] | None = None) -> Path:
    state = network().state_dict()
    save_file({"weight": state["weight"]}, folder / "model-00001-of-00002.safetensors")
    save_file({"bias": state["bias"]}, folder / "model-00002-of-00002.safetensors")
    known = {"weight": "model-00001-of-00002.safetensors", "bias": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": known | (places or {})}))
    return folder / "model.safetensors.index.json"


def test_shards_are_put_together_and_their_sums_told(tmp_path: Path) -> None:
    whole = opened_from(tmp_path)

    found = opened(sharded(tmp_path))

    assert found.digest == whole.digest
    assert sorted(found.description["weights"]["shards"]) == ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]


def opened_from(folder: Path) -> TorchModel:
    save_file(network().state_dict(), folder / "whole.safetensors")
    return opened(folder / "whole.safetensors")


@pytest.mark.parametrize("place", ["../elsewhere.safetensors", "/etc/passwd", "link.safetensors", "weights.pt"])
def test_shards_outside_the_folder_are_refused(tmp_path: Path, place: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    save_file({"bias": torch.zeros(2)}, tmp_path / "elsewhere.safetensors")
    (home / "link.safetensors").symlink_to(tmp_path / "elsewhere.safetensors")

    with pytest.raises(UntrustedFileError, match=r"expected a \.safetensors file beside it"):
        opened(sharded(home, {"bias": place}))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"weight_map": {}}', '{"weight_map": {"a": 1}}', "[" * 100_000])
def test_a_damaged_index_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(content)

    with pytest.raises(ModelError, match=r"index\.json"):
        opened(tmp_path / "model.safetensors.index.json")


def test_shards_that_lack_what_the_index_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="do not agree"):
        opened(sharded(tmp_path, {"more": "model-00002-of-00002.safetensors"}))
    with pytest.raises(ModelError, match="does not exist"):
        opened(sharded(tmp_path, {"more": "model-00003.safetensors"}))
