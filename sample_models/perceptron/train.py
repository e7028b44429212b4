"""Trains the perceptron: log loss with weight decay, seconds on one thread; writes weights.safetensors."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from sample_models.fitting import arguments_of, column_of, fit, save
from sample_models.perceptron.model import build

FOLDER = Path(__file__).resolve().parent


def main() -> None:
    """Train on the reference data of the audit file."""
    save(trained(FOLDER / "audit.toml"), FOLDER / "weights.safetensors")


def trained(audit_file: Path) -> nn.Module:
    """The network of an audit file, fitted on its reference data."""
    labels = torch.tensor(column_of(audit_file, "reference", "malignant").astype(float)).float()[:, None]
    torch.manual_seed(1)
    loss = nn.functional.binary_cross_entropy_with_logits
    return fit(build(), arguments_of(audit_file, "reference"), labels, loss, epochs=60, batch=32, rate=0.02, decay=0.05, seed=1)


if __name__ == "__main__":
    main()
