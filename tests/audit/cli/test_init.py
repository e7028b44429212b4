"""`netassay init --force` replaces all its files or none."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
import torch
import typer
from torch import nn
from typer.testing import CliRunner

from audit.cli import init

app = typer.Typer()
init.register(app)


def forced(folder: Path) -> tuple[int, BaseException | None]:
    """Exit code, and what was raised, of `init --force` for a small network and its table in `folder`."""
    weights, table = folder / "net.pt", folder / "rows.csv"
    torch.save(nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1)).state_dict(), weights)
    pd.DataFrame({"income": [0.5, 1.5, 2.5, 3.5] * 9, "debt": [0.2, 0.1, 0.4, 0.3] * 9, "outcome": [0, 1] * 18}).to_csv(table, index=False)
    targets = ["--out", str(folder / "audit.toml"), "--write-factory", str(folder / "network.py")]
    result = CliRunner().invoke(app, [str(weights), str(table), *targets, "--force"])
    return result.exit_code, result.exception


def refuse(monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException) -> None:
    """Let the new file `name` not get its name; an old one may have it back."""
    replace = os.replace

    def failing(source: Path, target: Path) -> None:
        if Path(target).name == name and not Path(source).name.endswith(".old"):
            raise error
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt()])
@pytest.mark.parametrize("name", ["audit.toml", "network.py"])
def test_when_one_file_cannot_be_replaced_both_old_ones_stay(
    name: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "audit.toml").write_text("my limits")
    (tmp_path / "network.py").write_text("my network")
    refuse(monkeypatch, name, error)

    code, _ = forced(tmp_path)

    assert code != 0
    assert (tmp_path / "audit.toml").read_text() == "my limits"
    assert (tmp_path / "network.py").read_text() == "my network"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.toml", "net.pt", "network.py", "rows.csv"]


def test_when_the_second_file_fails_a_first_one_that_is_new_is_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "network.py").write_text("my network")
    refuse(monkeypatch, "network.py", OSError(5, "Input/output error"))

    forced(tmp_path)

    assert (tmp_path / "network.py").read_text() == "my network"
    assert not (tmp_path / "audit.toml").exists()


def test_both_old_files_are_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("my limits")
    (tmp_path / "audit.toml").symlink_to(tmp_path / "mine.toml")
    (tmp_path / "network.py").write_text("my network")

    assert forced(tmp_path) == (0, None)

    assert "outcome" in (tmp_path / "audit.toml").read_text()
    assert "def build" in (tmp_path / "network.py").read_text()
    assert (tmp_path / "mine.toml").read_text() == "my limits"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.toml", "mine.toml", "net.pt", "network.py", "rows.csv"]
