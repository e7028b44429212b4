"""A small audited network of columns and a series: the age and ward of a patient beside vital signs, in files of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

STEPS = 6
CHANNELS = ("pulse", "heat")
SETS = {"evaluate": 24, "reference": 16, "calibration": 20}
Kind = Literal["long", "named", "ordered"]


class Bedside(nn.Module):
    """Columns (n, 3), values (n, 2, STEPS), and the mask (n, STEPS) where it is given, → (n, 1) logit."""

    def __init__(self) -> None:
        super().__init__()
        self.watch = nn.Conv1d(2, 4, 2)
        self.head = nn.Sequential(nn.Linear(3 + 4, 6), nn.Tanh(), nn.Linear(6, 1))

    def forward(self, columns: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
        seen = torch.tanh(self.watch(values))
        kept = torch.ones_like(seen[:, :1]) if mask is None else mask[:, None, 1:].to(seen.dtype)
        return self.head(torch.cat([columns, (seen * kept).sum(dim=2) / kept.sum(dim=2).clamp(min=1)], dim=1))


def bedside() -> nn.Module:
    """The network that the audit file names."""
    return Bedside()


def write_bedside(folder: Path, *, kind: Kind = "long", ends: bool = True) -> Path:
    """Made-up patients; ill when old with a fast pulse. `kind` says how the series are kept, `ends` that some are shorter. Returns the audit file."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, n) in enumerate(SETS.items()):
        frame, values = patients(np.random.default_rng(seed), name, n, ends=ends)
        frame.to_csv(folder / f"{name}.csv", index=False)
        WRITERS[kind](folder / f"{name}_vitals", frame, values)
    save_file(_trained(folder, ends=ends).state_dict(), folder / "weights.safetensors")
    ending = "csv" if kind == "long" else "npz"
    how = 'step = "minute"\n' if kind == "long" else ""
    text = AUDIT.format(ending=ending, how=how, mask=str(ends).lower(), identity="" if kind == "ordered" else 'id = "patient"\n')
    (folder / "audit.toml").write_text(text, encoding="utf-8")
    return folder / "audit.toml"


def patients(generator: np.random.Generator, name: str, n: int, *, ends: bool) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Columns, and values (n, 2, STEPS) with NaN after the end."""
    values = generator.normal(size=(n, 2, STEPS))
    last = generator.integers(STEPS // 2, STEPS + 1, n) if ends else np.full(n, STEPS)
    last[0] = STEPS
    age = generator.normal(size=n).round(3)
    ill = (age + np.array([row[0, :end].mean() for row, end in zip(values, last, strict=True)]) > 0).astype(int)
    ill[:2] = 0, 1
    for row, end in enumerate(last):
        values[row, :, end:] = np.nan
    frame = pd.DataFrame({"patient": [f"{name[0]}{row}" for row in range(n)], "age": age, "ward": np.array(["n", "s"])[np.arange(n) % 2], "ill": ill})
    frame["sex"] = np.array(["f", "m", "m"])[np.arange(n) % 3]
    return frame, values


def _long(path: Path, frame: pd.DataFrame, values: NDArray[np.float64]) -> None:
    """One row for each step, out of order, with a patient who is in no table."""
    rows = [
        {"patient": patient, "minute": 5 * step, "pulse": pulse, "heat": heat}
        for patient, own in zip([*frame["patient"], "stranger"], [*values, values[0]], strict=True)
        for step, (pulse, heat) in enumerate(own.T)
        if not np.isnan(pulse)
    ]
    pd.DataFrame(rows).sample(frac=1, random_state=0).to_csv(path.with_suffix(".csv"), index=False)


def _named(path: Path, frame: pd.DataFrame, values: NDArray[np.float64]) -> None:
    """In another order than the rows."""
    order = np.random.default_rng(9).permutation(len(frame))
    np.savez(path.with_suffix(".npz"), series=values[order], patient=frame["patient"].to_numpy(dtype=str)[order])


def _ordered(path: Path, _frame: pd.DataFrame, values: NDArray[np.float64]) -> None:
    np.savez(path.with_suffix(".npz"), series=values)


WRITERS = {"long": _long, "named": _named, "ordered": _ordered}


def inputs_of(folder: Path, name: str, *, ends: bool) -> tuple[Tensor, Tensor, Tensor]:
    """What the network takes, from the made-up patients themselves: columns, values with 0 after the end, mask."""
    frame = pd.read_csv(folder / f"{name}.csv")
    _, values = patients(np.random.default_rng(list(SETS).index(name)), name, SETS[name], ends=ends)
    columns = np.stack([frame["age"], frame["ward"] == "n", frame["ward"] == "s"], axis=1).astype(np.float32)
    return torch.tensor(columns), torch.tensor(np.nan_to_num(values)).float(), torch.tensor(~np.isnan(values[:, 0]))


def _trained(folder: Path, *, ends: bool) -> nn.Module:
    torch.manual_seed(0)
    network, (columns, values, mask) = bedside(), inputs_of(folder, "reference", ends=ends)
    labels = torch.tensor(pd.read_csv(folder / "reference.csv")["ill"].to_numpy()).float()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(columns, values, *([mask] if ends else []))[:, 0], labels).backward()
        optimizer.step()
    return network


AUDIT = """
name = "Patients"
[model]
architecture = "tests.smoke.bedside:bedside"
weights = "weights.safetensors"
output = "logits"
task = "binary"
[decision]
favourable = [0]
threshold = 0.5
[data]
kind = "several"
evaluate = "evaluate.csv"
reference = "reference.csv"
calibration = "calibration.csv"
label = "ill"
{identity}
[data.parts.person]
inputs = ["age", "ward"]
[data.parts.vitals.series]
evaluate = "evaluate_vitals.{ending}"
reference = "reference_vitals.{ending}"
calibration = "calibration_vitals.{ending}"
channels = ["pulse", "heat"]
units = {{ pulse = "per minute" }}
{how}mask = {mask}
window = 3
[data.groups]
sex = "sex"
[probes]
"attribution.shapley" = {{ rows = 6 }}
"attribution.integrated_gradients" = {{ rows = 6, tolerance = 1e-6 }}
"attribution.lime" = {{ rows = 4, samples = 500 }}
"attribution.gradient" = {{ rows = 6 }}
"robustness.pgd" = {{ rows = 8 }}
"""
