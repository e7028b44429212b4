"""Trains the autoencoder twice, on ordinary images of the fine pen only and of both pens; a few seconds on one thread."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from sample_models.autoencoder.model import build
from sample_models.fitting import arguments_of, column_of, fit, save

FOLDER = Path(__file__).resolve().parent
SEED = 1
PENS = {"weights.safetensors": ("fine",), "weights_honest.safetensors": ("fine", "broad")}
"""Pens of the images that each network is trained on; the first has never seen the broad one."""


def main() -> None:
    """Train both on data/train.npz and write their weights beside this file."""
    for name, pens in PENS.items():
        save(train(FOLDER / "audit.toml", pens), FOLDER / name)


def train(audit_file: Path, pens: tuple[str, ...]) -> nn.Module:
    """A network that returns ordinary images drawn with these pens as well as it can."""
    (images,) = arguments_of(audit_file, "reference")
    ordinary = column_of(audit_file, "reference", "anomalous") == 0
    drawn = [pen in pens for pen in column_of(audit_file, "reference", "pen")]
    kept = images[ordinary & drawn]
    torch.manual_seed(SEED)  # before the first weights are drawn
    return fit(build(), (kept,), kept, nn.functional.mse_loss, epochs=50, batch=64, rate=0.003, decay=1e-4, seed=SEED)


if __name__ == "__main__":
    main()
