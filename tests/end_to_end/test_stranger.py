"""Somebody with weights nobody explained, and rows, gets to a report with few edits of what `netassay init` wrote, counted here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from audit.cli import main
from audit.store import RunStore

MOST = 5


def said(arguments: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Run a command in `folder`; its exit code."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["netassay", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code


def edited(path: Path, changes: dict[str, str]) -> int:
    """Change each place of a file, which must be there once; how many there were."""
    text = path.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return len(changes)


def reported_accuracy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> float:
    """Audit as init says, and read the accuracy of the run."""
    assert said(["run", "audit.toml", "--code", ".", "--only", "performance.classification", "-q"], folder, monkeypatch) == 0
    assert list((folder / "runs").glob("*.docs/report.html"))
    store = RunStore(folder / "runs")
    (run,) = store.runs()
    (finding,) = [finding for finding in store.read(run.id).findings if finding.check == "performance.classification"]
    return next(found.value for found in finding.measurements if found.name == "accuracy" and not found.slice)


def fitted(network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> float:
    """Train for a moment; the accuracy reached."""
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return float((network.eval()(inputs).argmax(1) == labels).double().mean())


def test_an_unfamiliar_state_dict_and_a_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    random = np.random.default_rng(1)
    table = pd.DataFrame(random.normal(size=(150, 4)).round(4), columns=["income", "debt", "years", "score"])
    labels = torch.tensor((table["income"] * table["debt"] > 0).astype(int).to_numpy())
    network = nn.Sequential(nn.Linear(4, 12), nn.Tanh(), nn.Linear(12, 2))
    reached = fitted(network, torch.tensor(table.to_numpy(), dtype=torch.float32), labels)
    table.assign(outcome=np.where(labels == 1, "repaid", "defaulted")).to_csv(tmp_path / "rows.csv", index=False)
    torch.save([{"state_dict": {f"module.{name}": value for name, value in network.state_dict().items()}}], tmp_path / "net.pt")

    assert said(["init", "net.pt", "rows.csv", "--write-factory", "my_network.py"], tmp_path, monkeypatch) == 0
    edits = edited(tmp_path / "my_network.py", {"nn.ReLU()": "nn.Tanh()"})

    assert edits <= MOST
    assert reported_accuracy(tmp_path, monkeypatch) == pytest.approx(reached)


def test_a_folder_of_images_and_the_state_dict_of_a_convolutional_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    labels = np.arange(60) % 2
    pixels = np.random.default_rng(2).integers(0, 120, (60, 12, 12, 3)).astype(np.uint8)
    pixels[labels == 1, :6] += 60
    for label, word in enumerate(("cat", "dog")):
        (tmp_path / "photos" / word).mkdir(parents=True)
        for place in np.flatnonzero(labels == label):
            Image.fromarray(pixels[place]).save(tmp_path / "photos" / word / f"{place:03}.png")
    network = nn.Sequential(
        *(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32, 2)),
    )
    inputs = (torch.tensor(pixels).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
    reached = fitted(network, inputs, torch.tensor(labels))
    torch.save(network.state_dict(), tmp_path / "net.pt")

    assert said(["init", "net.pt", "photos", "--write-factory", "my_network.py"], tmp_path, monkeypatch) == 0
    edits = edited(tmp_path / "audit.toml", {"scale = 255": "scale = 255\nmean = 0.5\ndeviation = 0.25"})

    assert edits <= MOST
    assert reported_accuracy(tmp_path, monkeypatch) == pytest.approx(reached)
