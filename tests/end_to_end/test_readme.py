"""The README's walk from a state dict and a CSV file to a report, run as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.end_to_end.command import netassay

README = Path(__file__).parents[2] / "README.md"


def blocks() -> tuple[str, list[list[str]], list[list[str]]]:
    """The Python of the walk, and the arguments of its netassay commands, for the table and for the photos, the dashboard left out."""
    walk = README.read_text(encoding="utf-8").split("## From a state dict")[1].split("\n## ")[0]
    python, *shells = re.findall(r"```(?:python)?\n(.*?)```", walk, flags=re.DOTALL)
    table, photos = ([line.split()[1:] for line in shell.splitlines() if line.startswith("netassay ")] for shell in shells)
    return python, [command for command in table if command[0] != "dashboard"], photos


@pytest.mark.slow
def test_the_walk_ends_in_a_report_about_a_network_that_works(tmp_path: Path) -> None:
    python, commands, _ = blocks()
    (tmp_path / "example.py").write_text(python, encoding="utf-8")
    subprocess.run([sys.executable, "example.py"], cwd=tmp_path, check=True)

    said = [netassay(*command, cwd=tmp_path, timeout=600, fresh=True) for command in commands]

    assert [one.code for one in said] == [0] * len(commands), [one.err for one in said]
    assert "sanity.labels" in said[-1].out
    assert list(tmp_path.glob("runs/*.docs/report.html"))


@pytest.mark.slow
def test_weights_and_a_folder_of_photos_end_in_a_report(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for name, mean in (("cat", 90), ("dog", 170)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(30):
            pixels = np.clip(generator.normal(mean, 30, (8, 8, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    torch.manual_seed(0)
    look = (nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 2))
    torch.save(nn.Sequential(*look).state_dict(), tmp_path / "network.pt")

    said = [netassay(*command, cwd=tmp_path, timeout=600, fresh=True) for command in blocks()[2]]

    assert said[-1].code in {0, 1}, [one.err for one in said]  # 1 where an untrained network is outside a technical limit
    assert [one.code for one in said[:-1]] == [0, 0], [one.err for one in said]
    assert list(tmp_path.glob("runs/*.docs/report.html"))


def test_every_picture_of_the_readme_is_there() -> None:
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README.read_text(encoding="utf-8"))

    assert len(pictures) >= 2
    assert all((README.parent / picture).is_file() for picture in pictures)
