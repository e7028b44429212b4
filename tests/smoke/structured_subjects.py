"""Small audited subjects that are neither a table nor an image alone: series in three kinds of file, and networks with several inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.smoke import architectures

STEPS = 12
CHANNELS = ("pulse", "heat")


def write_series(folder: Path, *, kind: str = "npz", ends: bool = True, absent: str = "rows", standard: bool = True) -> Path:
    """Made-up stays in a ward, ill when the pulse rises late; two wards. `kind` is npz, csv or ts. Returns the audit file."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (part, n) in enumerate((("train", 160), ("calibration", 60), ("test", 80))):
        values, labels, wards = _stays(np.random.default_rng(seed), n, ends=ends)
        _STAYS[kind](folder / f"{part}.{kind}", values, labels, wards)
        if part == "train":
            network = _monitor(values, labels, ends=ends, standard=standard)
    save_file(network.state_dict(), folder / "weights.safetensors")
    label = "class" if kind == "ts" else "ill"
    text = _SERIES.format(
        end=kind, label=label, mask=str(ends).lower(), absent=absent, encode="standard" if standard else "none", by=_BY[kind], probes=_PROBES
    )
    text += "" if kind == "ts" else '[data.groups]\nward = "ward"\n'
    return _written(folder, text)


def _stays(generator: np.random.Generator, n: int, *, ends: bool) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.str_]]:
    """Values (n, 2, STEPS) with NaN after the end, labels and wards."""
    labels = np.arange(n) % 2
    values = generator.normal([[[80.0]], [[37.0]]][0][0], 4, (n, 2, STEPS))
    values[:, 1] = 37 + generator.normal(0, 0.4, (n, STEPS))
    length = generator.integers(STEPS // 2, STEPS + 1, n) if ends else np.full(n, STEPS)
    length[:2] = STEPS
    for row in range(n):
        values[row, 0, length[row] - 3 : length[row]] += 18 * labels[row]
        values[row, :, length[row] :] = np.nan
    return values, labels, np.where(np.arange(n) % 3 == 0, "north", "south")


def _to_npz(path: Path, values: NDArray[np.float64], labels: NDArray[np.int64], wards: NDArray[np.str_]) -> None:
    np.savez(path, series=values, ill=labels, ward=wards, stay=np.array([f"s{place}" for place in range(len(labels))]))


def _to_csv(path: Path, values: NDArray[np.float64], labels: NDArray[np.int64], wards: NDArray[np.str_]) -> None:
    rows = [
        {"stay": f"s{row}", "hour": step, "pulse": pulse, "heat": heat, "ill": labels[row], "ward": wards[row]}
        for row, stay in enumerate(values)
        for step, (pulse, heat) in enumerate(stay.T)
        if not np.isnan(pulse)
    ]
    pd.DataFrame(rows).sort_values(["hour", "stay"]).to_csv(path, index=False)


def _to_ts(path: Path, values: NDArray[np.float64], labels: NDArray[np.int64], _wards: NDArray[np.str_]) -> None:
    lines = ["# made up", "@problemName Stays", "@timeStamps false", "@univariate false", "@classLabel true 0 1", "@data"]
    for stay, label in zip(values, labels, strict=True):
        channels = [",".join(repr(float(value)) for value in channel if not np.isnan(value)) for channel in stay]
        lines.append(":".join([*channels, str(label)]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


_STAYS = {"npz": _to_npz, "csv": _to_csv, "ts": _to_ts}
_BY = {"npz": 'channels = ["pulse", "heat"]', "csv": 'by = "stay"\nstep = "hour"\nchannels = ["pulse", "heat"]', "ts": 'channels = ["pulse", "heat"]'}


def given_series(values: NDArray[np.float64], *, standard: bool, reference: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
    """What the network takes, worked out apart from the encoder: values (n, steps, channels) and the mask (n, steps)."""
    moved = values.copy()
    for channel in range(values.shape[1]):
        known = reference[:, channel][~np.isnan(reference[:, channel])]
        moved[:, channel] = (values[:, channel] - known.mean()) / known.std() if standard else values[:, channel]
    return torch.tensor(np.nan_to_num(moved).transpose(0, 2, 1)).float(), torch.tensor(~np.isnan(values[:, 0]))


def _monitor(values: NDArray[np.float64], labels: NDArray[np.int64], *, ends: bool, standard: bool) -> nn.Module:
    torch.manual_seed(3)
    network = architectures.series(2)
    inputs, mask = given_series(values, standard=standard, reference=values)
    return _trained(network, (inputs, mask) if ends else (inputs,), torch.tensor(labels).float(), steps=120)


def write_several(folder: Path, *, text: bool = False) -> Path:
    """Made-up parcels, refused when dark and heavy; a photo, two columns, and with `text` a note. Returns the audit file."""
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    words = ["<pad>", "<unk>", "fragile", "glass", "books", "tools"]
    (folder / "words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    for seed, (part, n) in enumerate((("train", 160), ("calibration", 60), ("test", 80))):
        generator = np.random.default_rng(40 + seed)
        dark, heavy = generator.integers(0, 2, n), generator.normal(size=n)
        pixels = np.clip(generator.normal(np.where(dark, 70, 180)[:, None, None], 25, (n, 6, 6)), 0, 255).astype(np.uint8)
        names = [f"photos/{part}-{row}.png" for row in range(n)]
        for name, image in zip(names, pixels, strict=True):
            Image.fromarray(image).save(folder / name)
        frame = pd.DataFrame({"parcel": names, "weight": 5 + 2 * heavy, "size": generator.choice(["s", "m", "l"], n)})
        frame["note"] = [" ".join(generator.choice(words[2:], 2)) for _ in range(n)]
        frame["refused"] = (dark * 2 - 1 + heavy > 0).astype(int)
        frame["country"] = generator.choice(["A", "B"], n)
        frame.to_csv(folder / f"{part}.csv", index=False)
        if part == "train":
            weight = (frame["weight"] - frame["weight"].mean()) / frame["weight"].std(ddof=0)
            sizes = [(frame["size"] == level).astype(float) for level in ("l", "m", "s")]
            columns = torch.tensor(np.stack([weight, *sizes], axis=1)).float()
            given: list[Tensor] = [torch.tensor(pixels / 255.0).float()[:, None], columns]
            given += [torch.tensor([[words.index(word) for word in note.split()] for note in frame["note"]])] if text else []
            torch.manual_seed(4)
            network = architectures.several(4, len(words) if text else 0)
            _trained(network, tuple(given), torch.tensor(frame["refused"].to_numpy()).float(), steps=150)
    save_file(network.state_dict(), folder / "weights.safetensors")
    return _written(folder, _SEVERAL.format(ids=len(words) if text else 0, note=_NOTE if text else "", probes=_PROBES))


def _trained(network: nn.Module, inputs: tuple[Tensor, ...], labels: Tensor, *, steps: int) -> nn.Module:
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(*inputs)[:, 0], labels).backward()
        optimizer.step()
    return network


def _written(folder: Path, text: str) -> Path:
    (folder / "audit.toml").write_text(text, encoding="utf-8")
    return folder / "audit.toml"


_SERIES = """
name = "Stays in a ward"
[model]
architecture = "tests.smoke.architectures:series"
arguments = {{ channels = 2 }}
weights = "weights.safetensors"
output = "logits"
task = "binary"
[decision]
favourable = [0]
threshold = 0.5
[data]
kind = "series"
evaluate = "test.{end}"
reference = "train.{end}"
calibration = "calibration.{end}"
label = "{label}"
[data.series]
{by}
units = {{ pulse = "per minute" }}
encode = "{encode}"
gives = "ntc"
mask = {mask}
window = 3
absent = "{absent}"
{probes}"""

_SEVERAL = """
name = "Parcels"
[model]
architecture = "tests.smoke.architectures:several"
arguments = {{ columns = 4, ids = {ids} }}
weights = "weights.safetensors"
output = "logits"
task = "binary"
[decision]
favourable = [0]
threshold = 0.5
[data]
kind = "several"
evaluate = "test.csv"
reference = "train.csv"
calibration = "calibration.csv"
label = "refused"
[data.parts.photo.image]
column = "parcel"
scale = 255
patch = 3
[data.parts.form]
inputs = ["weight", "size"]
{note}
{probes}[data.columns.weight]
unit = "kg"
encode = "standard"
[data.groups]
country = "country"
"""
_PROBES = """[probes]
"attribution.shapley" = { rows = 20 }
"attribution.integrated_gradients" = { rows = 12 }
"attribution.lime" = { rows = 8 }
"robustness.pgd" = { rows = 20 }
"""
_NOTE = """[data.parts.note.text]
column = "note"
vocabulary = "words.txt"
length = 2
"""
