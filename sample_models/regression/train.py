"""Trains the two networks of the regression sample, one on what was noted, one on the true progression; seconds on one thread."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import torch
from torch import nn

from sample_models.fitting import arguments_of, fit, save
from sample_models.regression.model import DEVIATION, build

FOLDER = Path(__file__).resolve().parent
TWINS = {"weights.safetensors": "noted", "weights_honest.safetensors": "progression"}
"""What each network was fitted to."""


def main() -> None:
    """Write the weights of both."""
    for weights, column in TWINS.items():
        save(trained(FOLDER / "audit.toml", column), FOLDER / weights)


def trained(audit_file: Path, column: str) -> nn.Module:
    """The network fitted to a column of the patients it learns from."""
    targets = torch.tensor(pd.read_csv(audit_file.parent / "data" / "train.csv")[column].to_numpy()).float()[:, None]
    torch.manual_seed(6)
    return fit(build(), arguments_of(audit_file, "reference"), targets, _loss, epochs=80, batch=32, rate=0.005, decay=0.1, seed=6)


def _loss(predicted: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return nn.functional.mse_loss(predicted / DEVIATION, targets / DEVIATION)


if __name__ == "__main__":
    main()
