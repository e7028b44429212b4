"""Somebody with a network saved with its code, and rows, gets to a report: what init writes is run with few edits, counted here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from audit.store import RunStore
from tests.audit.models.programs import export, script, sha256
from tests.end_to_end.test_stranger import MOST, edited, fitted, said

LAST = ("run", "audit.toml", "--code", ".", "--only", "performance.classification", "-q")


@dataclass(frozen=True)
class Given:
    """A trained network with its rows in a folder."""

    network: nn.Module
    inputs: Tensor
    rows: list[str]
    """Arguments of init after the network."""
    accuracy: float
    edits: dict[str, str]
    """What the person must change in the audit file, at the most, with the network trusted."""
    unread: dict[str, dict[str, str]]
    """What must be changed as well where the network is not trusted, by the ending of its file."""


class Steps(nn.Module):
    """(n, steps, channels) → (n, 2): the last state of an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.LSTM(2, 6, batch_first=True)
        self.head = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.steps(x)[0][:, -1])


def columns(folder: Path) -> Given:
    """Four columns, one of them called like a protected attribute, in the units they were trained in."""
    random = np.random.default_rng(1)
    table = pd.DataFrame(random.normal(size=(150, 4)).round(4), columns=["income", "debt", "age", "score"])
    labels = torch.tensor((table["income"] * table["age"] > 0).astype(int).to_numpy())
    network, inputs = nn.Sequential(nn.Linear(4, 12), nn.Tanh(), nn.Linear(12, 2)), torch.tensor(table.to_numpy(), dtype=torch.float32)
    reached = fitted(network, inputs, labels)
    table.assign(outcome=np.where(labels == 1, "repaid", "defaulted")).to_csv(folder / "rows.csv", index=False)
    ages = {'inputs = ["income", "debt", "score"]': 'inputs = ["income", "debt", "age", "score"]'}
    return Given(network, inputs[:3], ["rows.csv"], reached, {}, {"pt": ages | {'"debt" = {': '"age" = { kind = "numeric" }\n"debt" = {'}})


def pictures(folder: Path) -> Given:
    """Grey images in an npz file."""
    labels = np.arange(60) % 3
    pixels = np.random.default_rng(2).integers(0, 120, (60, 8, 8)).astype(np.uint8)
    for label in (1, 2):
        pixels[labels == label, : 4 * label] += 60
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3))
    inputs = torch.tensor(pixels)[:, None] / 255
    reached = fitted(network, inputs, torch.tensor(labels))
    np.savez(folder / "rows.npz", images=pixels, label=labels)
    return Given(network, inputs[:3], ["rows.npz"], reached, {}, {})


def photos(folder: Path) -> Given:
    """Colour photos in one folder for each class, larger than what the network takes, which a stranger cannot see in them."""
    labels = np.arange(40) % 2
    pixels = np.random.default_rng(3).integers(0, 120, (40, 12, 12, 3)).astype(np.uint8)
    pixels[labels == 1, :6] += 60
    for label, word in enumerate(("cat", "dog")):
        (folder / "photos" / word).mkdir(parents=True)
        for place in np.flatnonzero(labels == label):
            Image.fromarray(pixels[place]).save(folder / "photos" / word / f"{place:03}.png")
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 10 * 10, 2))
    inputs = (torch.tensor(pixels).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
    reached = fitted(network, inputs, torch.tensor(labels))
    return Given(network, inputs[:3], ["photos"], reached, {"scale = 255": "scale = 255\nmean = 0.5\ndeviation = 0.25"}, {})


def series(folder: Path) -> Given:
    """Series of two channels, kept with their steps last, of which the network takes them first."""
    random = np.random.default_rng(4)
    labels = np.arange(80) % 2
    values = random.normal(size=(80, 2, 10)).astype(np.float32)
    values[labels == 1, 0, -4:] += 2
    network = Steps()
    inputs = torch.tensor(values).transpose(1, 2).contiguous()
    reached = fitted(network, inputs, torch.tensor(labels))
    np.savez(folder / "rows.npz", series=values, label=labels)
    return Given(network, inputs[:3], ["rows.npz", "--series", "series"], reached, {}, {})


KINDS: dict[str, Callable[[Path], Given]] = {"columns": columns, "pictures": pictures, "photos": photos, "series": series}


@pytest.fixture(scope="module", params=KINDS)
def given(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Given]:
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    found = KINDS[request.param](folder)
    export(found.network, found.inputs, folder / "net.pt2")
    script(found.network, folder / "net.pt", found.inputs)
    return folder, found


def audited(folder: Path, trust: str, monkeypatch: pytest.MonkeyPatch) -> float:
    assert said([*LAST, "--trust", trust], folder, monkeypatch) == 0
    store = RunStore(folder / "runs")
    newest = max(store.runs(), key=lambda run: (folder / "runs" / run.id).stat().st_mtime_ns)
    assert (folder / "runs" / f"{newest.id}.docs" / "report.html").is_file()
    (finding,) = [finding for finding in store.read(newest.id).findings if finding.check == "performance.classification"]
    return next(found.value for found in finding.measurements if found.name == "accuracy" and not found.slice)


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("ending", ["pt2", "pt"])
def test_the_report_says_how_good_the_network_is(given: tuple[Path, Given], ending: str, trusted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, found = given
    trust = f"sha256:{sha256(folder / f'net.{ending}')}"

    assert said(["inspect", f"net.{ending}"], folder, monkeypatch) == 0
    assert said(["init", f"net.{ending}", *found.rows, "--force", *(["--trust", trust] if trusted else [])], folder, monkeypatch) == 0
    text = (folder / "audit.toml").read_text(encoding="utf-8")
    edits = edited(folder / "audit.toml", found.edits | ({} if trusted else found.unread.get(ending, {})))

    assert ("Not known without loading it" in text) is not trusted
    assert edits <= MOST
    assert audited(folder, trust, monkeypatch) == pytest.approx(found.accuracy)
