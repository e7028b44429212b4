"""`netassay inspect` tells what a network with its code is, and how to trust it, without loading it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audit.cli import app
from audit.errors import ConfigError
from tests.audit.models.programs import sha256

ENTRIES = {"export": ("m/models/model.json", "m/data/weights/weight_0"), "script": ("m/constants.pkl", "m/code/x.py")}


def archive(path: Path, kind: str) -> Path:
    """Directory entries of a kind, and content that no reader could load."""
    with zipfile.ZipFile(path, "w") as held:
        for name in ENTRIES[kind]:
            held.writestr(name, b"not loaded")
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


def test_json_holds_the_same(tmp_path: Path) -> None:
    path = archive(tmp_path / "network.pt2", "export")

    told = json.loads(CliRunner().invoke(app, ["inspect", str(path), "--json"], catch_exceptions=False).output)

    assert (told["sha256"], told["entries"], told["unpacked"]) == (sha256(path), 2, 20)
    assert told["trust"] == f"--trust sha256:{sha256(path)}"


def test_an_architecture_beside_it_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "network.pt2", "export")

    said = CliRunner().invoke(app, ["inspect", str(path), "--architecture", "a:b"])

    assert isinstance(said.exception, ConfigError)
