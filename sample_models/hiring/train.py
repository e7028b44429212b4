"""Trains the two networks of the hiring sample, one on what recruiters had decided, one on who turned out suited; seconds on one thread."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch
from torch import nn

from sample_models.fitting import arguments_of, fit, save
from sample_models.hiring.model import build

FOLDER = Path(__file__).resolve().parent
TWINS = {"weights.safetensors": "invited", "weights_honest.safetensors": "suited"}
"""What each network was fitted to."""


def main() -> None:
    """Write the weights of both."""
    for weights, column in TWINS.items():
        save(trained(FOLDER / "audit.toml", column), FOLDER / weights)


def trained(audit_file: Path, column: str) -> nn.Module:
    """The network fitted to a column of the training applications."""
    arguments = arguments_of(audit_file, "reference")
    targets = torch.tensor(pd.read_csv(audit_file.parent / "data" / "train.csv")[column].to_numpy()).float()[:, None]
    torch.manual_seed(2)
    network = build(arguments[0].shape[1])
    return fit(network, arguments, targets, nn.functional.binary_cross_entropy_with_logits, epochs=15, batch=100, rate=0.005, decay=0.001, seed=2)


if __name__ == "__main__":
    main()
