"""`netassay inspect` says what a weights file holds, and runs nothing of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import typer
from safetensors.torch import save_file
from torch import nn
from typer.testing import CliRunner

from audit.cli import inspect_model
from audit.errors import ModelError, UntrustedFileError
from tests.smoke.subjects import CODE

app = typer.Typer()
inspect_model.register(app)


def said(*arguments: object) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))


def test_a_safetensors_file_is_described_by_its_tensors(tmp_path: Path) -> None:
    save_file(network().state_dict(), tmp_path / "w.safetensors")

    shown = json.loads(said(tmp_path / "w.safetensors", "--json"))

    assert (shown["kind"], shown["parameters"], len(shown["sha256"])) == ("safetensors", 49, 64)
    assert {tensor["name"]: tensor["shape"] for tensor in shown["tensors"]} == {"0.weight": [8, 4], "0.bias": [8], "2.weight": [1, 8], "2.bias": [1]}
    assert [(layer["inputs"], layer["outputs"]) for layer in shown["stack"]["layers"]] == [(4, 8), (8, 1)]
    assert shown["stack"]["plain"]


def test_wrapping_is_found_and_named(tmp_path: Path) -> None:
    state = {f"module.{name}": tensor for name, tensor in network().state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "w.pt")

    assert json.loads(said(tmp_path / "w.pt", "--json"))["wrapping"] == ["state_dict", "module."]


def test_odd_tensors_are_pointed_out(tmp_path: Path) -> None:
    state = {"nan": torch.tensor([1.0, float("nan")]), "zero": torch.zeros(3), "same": torch.full((3,), 2.5), "fine": torch.arange(3.0)}
    save_file(state | {"half": torch.ones(2, dtype=torch.float16) * torch.tensor([1, 2])}, tmp_path / "w.safetensors")

    lines = {line.split()[0]: line for line in said(tmp_path / "w.safetensors").splitlines() if line.startswith("  ")}

    assert "NOT FINITE" in lines["nan"]
    assert "all zero" in lines["zero"]
    assert "every entry is 2.5" in lines["same"]
    assert not any(word in lines[name] for name in ("fine", "half") for word in ("zero", "every", "FINITE"))


def test_a_view_that_claims_more_than_the_file_holds_is_not_read(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(1).expand(10**10)}, tmp_path / "w.pt")

    (tensor,) = json.loads(said(tmp_path / "w.pt", "--json"))["tensors"]

    assert tensor["shape"] == [10**10]
    assert "claims" in tensor["unread"]


def test_a_long_list_is_shortened_with_a_count(tmp_path: Path) -> None:
    save_file({f"t{i:03}": torch.arange(2.0) for i in range(50)}, tmp_path / "w.safetensors")

    text = said(tmp_path / "w.safetensors")

    assert "36 more tensors" in text
    assert sum(line.startswith("  t") for line in text.splitlines()) == 14


def test_a_hostile_name_is_shown_and_never_interpreted(tmp_path: Path) -> None:
    torch.save({"w\x1b[2J\nfile forged": torch.arange(2.0)}, tmp_path / "w.pt")

    text = said(tmp_path / "w.pt")

    assert "\x1b" not in text
    assert "w\\x1b[2J\\nfile forged" in text
    assert not any(line.startswith("file forged") for line in text.splitlines())


@pytest.mark.parametrize(("name", "words"), [("table", "every tensor has its place"), ("diabetes", "does not fit")])
def test_weights_are_tried_in_an_architecture(name: str, words: str, tmp_path: Path) -> None:
    save_file(network().state_dict(), tmp_path / "w.safetensors")

    text = said(tmp_path / "w.safetensors", "--architecture", f"tests.smoke.architectures:{name}", "--code", CODE)

    assert words in text
    assert "Tanh" in text


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save(network(), tmp_path / "w.pt")

    result = CliRunner().invoke(app, [str(tmp_path / "w.pt")])

    assert isinstance(result.exception, UntrustedFileError)
    assert "nothing of the file was run" in str(result.exception)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent.pt", "does not exist"),
        (".", "folder"),
        ("w.bin", "ending"),
        ("w.onnx", "cannot be read as ONNX"),
        ("w.skops", "cannot be read as a skops file"),
    ],
)
def test_what_is_no_weights_file_is_refused(name: str, words: str, tmp_path: Path) -> None:
    for ending in ("bin", "onnx", "skops"):
        (tmp_path / f"w.{ending}").write_text("x")

    result = CliRunner().invoke(app, [str(tmp_path / name)])

    assert isinstance(result.exception, ModelError)
    assert words in str(result.exception)
