"""`netassay runs list` shows sealed runs, one line each, whatever their names hold."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from audit.cli import runs
from tests.audit.store.example import sealed

app = typer.Typer()
runs.register(app)


def listed(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["runs", "list", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_each_run_is_one_line_newest_first(tmp_path: Path) -> None:
    sealed(tmp_path, "one", started="2026-01-01T00:00:00Z")
    sealed(tmp_path, "two", started="2026-02-01T00:00:00Z", name="x\x1b[2J\nthree")

    lines = listed("--out", str(tmp_path)).splitlines()
    assert [line.split()[0] for line in lines] == ["two", "one"]
    assert "x\\x1b[2J\\nthree  (1 within)" in lines[0]


def test_no_runs_print_nothing_on_standard_output(tmp_path: Path) -> None:
    assert listed("--out", str(tmp_path / "absent")) == ""


def test_json_leaves_out_what_could_not_be_read(tmp_path: Path) -> None:
    sealed(tmp_path, "one")
    (sealed(tmp_path, "two") / "run.json").write_text("{")

    shown = {item["id"]: item for item in json.loads(listed("--out", str(tmp_path), "--json"))}
    assert shown["one"]["checks"] == 1
    assert "checks" not in shown["two"]
    assert "JSONDecodeError" in shown["two"]["problem"]
