"""`netassay verify` tells intact from altered, and names what differs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from audit.cli import verify
from audit.errors import TamperedError
from tests.audit.store.example import sealed

app = typer.Typer()
verify.register(app)


def test_intact_run_is_told_in_one_line(tmp_path: Path) -> None:
    sealed(tmp_path, "one")

    result = CliRunner().invoke(app, ["one", "--out", str(tmp_path)])
    assert result.exit_code == 0
    assert result.stdout.startswith("intact: 5 files match MANIFEST.json sha256:")
    assert result.stdout.endswith("an unsigned manifest detects corruption, not authorship\n")
    assert result.stdout.count("\n") == 1


def test_altered_run_names_each_file_on_one_line(tmp_path: Path) -> None:
    folder = sealed(tmp_path, "one")
    (folder / "x\x1b[2J\nintact: y").write_text("")
    (folder / "log.jsonl").unlink()

    result = CliRunner().invoke(app, [str(folder)])
    assert isinstance(result.exception, TamperedError)
    assert result.exception.exit_code == 2
    assert str(result.exception).splitlines() == ["missing: log.jsonl", "unexpected: x\\x1b[2J\\nintact: y"]
    assert result.stdout == ""


@pytest.mark.parametrize("altered", [False, True])
def test_json_says_whether_the_run_is_intact(tmp_path: Path, altered: bool) -> None:
    folder = sealed(tmp_path, "one")
    if altered:
        (folder / "extra").write_text("")

    result = CliRunner().invoke(app, ["latest", "--json", "--out", str(tmp_path)])
    shown = json.loads(result.stdout)
    assert shown["intact"] is not altered
    assert shown["problems"] == ([{"file": "extra", "problem": "unexpected"}] if altered else [])
    assert (result.exit_code == 0) is not altered
