"""The README's walk from a state dict and a CSV file to a report, run as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.command import netassay

README = Path(__file__).parents[2] / "README.md"


def blocks() -> tuple[str, list[list[str]]]:
    """The Python of the walk, and the arguments of its netassay commands, the dashboard left out."""
    walk = README.read_text(encoding="utf-8").split("## From a state dict")[1].split("\n## ")[0]
    python, shell = re.findall(r"```(?:python)?\n(.*?)```", walk, flags=re.DOTALL)
    commands = [line.split()[1:] for line in shell.splitlines() if line.startswith("netassay ")]
    return python, [command for command in commands if command[0] != "dashboard"]


@pytest.mark.slow
def test_the_walk_ends_in_a_report_about_a_network_that_works(tmp_path: Path) -> None:
    python, commands = blocks()
    (tmp_path / "example.py").write_text(python, encoding="utf-8")
    subprocess.run([sys.executable, "example.py"], cwd=tmp_path, check=True)

    said = [netassay(*command, cwd=tmp_path, timeout=600) for command in commands]

    assert [one.code for one in said] == [0] * len(commands), [one.err for one in said]
    assert "sanity.labels" in said[-1].out
    assert list(tmp_path.glob("runs/*.docs/report.html"))


def test_every_picture_of_the_readme_is_there() -> None:
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README.read_text(encoding="utf-8"))

    assert len(pictures) >= 2
    assert all((README.parent / picture).is_file() for picture in pictures)
