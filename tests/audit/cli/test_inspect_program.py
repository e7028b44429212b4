"""`netassay inspect` tells what a network with its code is, and how to trust it, without loading it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from audit.cli import app
from audit.errors import ConfigError
from tests.audit.models.programs import sha256

ENTRIES = {
    "export": ("m/models/model.json", "m/data/weights/weight_0"),
    "script": ("m/constants.pkl", "m/code/__torch__/torch/nn/modules/linear.py", "m/code/__torch__/torch/nn/modules/linear/___torch_mangle_0.py"),
}


def tensor(*sides: int | None, kind: int = 7) -> dict[str, Any]:
    """A tensor as torch.export.save describes one; None is a side of any size, 7 is float32."""
    return {"dtype": kind, "sizes": [{"as_expr": {"expr_str": "s0"}} if side is None else {"as_int": side} for side in sides]}


def description(inputs: dict[str, dict[str, Any]], output: dict[str, Any], target: str = "torch.ops.aten.linear.default") -> dict[str, Any]:
    """What the JSON of an exported network with one layer says of itself."""
    named = {name: {"as_tensor": {"name": name}} for name in (*inputs, "answer", "p_weight")}
    node = {"target": target, "inputs": [{"name": "input", "arg": named[next(iter(inputs))], "kind": 1}], "outputs": [named["answer"]]}
    signature = {
        "input_specs": [
            {"parameter": {"arg": {"name": "p_weight"}, "parameter_name": "head.weight"}},
            *({"user_input": {"arg": named[name]}} for name in inputs),
        ],
        "output_specs": [{"user_output": {"arg": named["answer"]}}],
    }
    values = {**inputs, "answer": output, "p_weight": tensor(1, 3)}
    return {"graph_module": {"graph": {"nodes": [node], "tensor_values": values}, "signature": signature}}


def archive(path: Path, kind: str, content: dict[str, Any] | bytes | None = None) -> Path:
    """Directory entries of a kind, and content that no reader could load; an export describes itself, by default with three numbers to one."""
    told = description({"given": tensor(None, 3)}, tensor(None, 1)) if content is None else content
    with zipfile.ZipFile(path, "w") as held:
        for name in ENTRIES[kind]:
            held.writestr(name, (told if isinstance(told, bytes) else json.dumps(told)) if name.endswith("model.json") else b"not loaded")
    return path


@pytest.mark.parametrize(("kind", "words"), [("export", "exported by torch.export"), ("script", "TorchScript")])
@pytest.mark.parametrize("name", ["network.pt2", "network.pt", "network.bin"])
def test_the_kind_is_told_by_content_with_the_option_that_trusts_it(tmp_path: Path, kind: str, words: str, name: str) -> None:
    path = archive(tmp_path / name, kind)

    said = CliRunner().invoke(app, ["inspect", str(path)], catch_exceptions=False)

    assert said.exit_code == 0
    assert words in said.output
    assert f"netassay run AUDIT.toml --trust sha256:{sha256(path)}" in said.output
    assert "nothing of the file was loaded or run" in said.output


def test_what_a_file_says_of_itself_is_told_or_told_as_unknown(tmp_path: Path) -> None:
    exported = CliRunner().invoke(app, ["inspect", str(archive(tmp_path / "a.pt2", "export"))], catch_exceptions=False).output
    scripted = CliRunner().invoke(app, ["inspect", str(archive(tmp_path / "a.pt", "script"))], catch_exceptions=False).output

    assert "input     'given' float32 any × 3\n" in exported
    assert "output    'answer' float32 any × 1\n" in exported
    assert "weights   1 tensors" in exported
    assert scripted.count("code      torch.nn.modules.linear\n") == 1
    assert "unknown   what it takes and gives" in scripted


def test_json_holds_the_same(tmp_path: Path) -> None:
    path = archive(tmp_path / "network.pt2", "export")

    told = json.loads(CliRunner().invoke(app, ["inspect", str(path), "--json"], catch_exceptions=False).output)

    assert (told["sha256"], told["entries"]) == (sha256(path), 2)
    assert told["unpacked"] > 10
    assert told["signature"]["inputs"] == [{"name": "given", "kind": "float32", "shape": [None, 3]}]
    assert told["signature"]["weights"] == {"head.weight": [1, 3]}
    assert told["trust"] == f"--trust sha256:{sha256(path)}"


def test_an_architecture_beside_it_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "network.pt2", "export")

    said = CliRunner().invoke(app, ["inspect", str(path), "--architecture", "a:b"])

    assert isinstance(said.exception, ConfigError)
