"""Trains the two networks of the graph sample; a few seconds each, on one thread."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from sample_models.fitting import arguments_of, column_of, fit, save
from sample_models.graph.model import build

FOLDER = Path(__file__).resolve().parent
TWINS = {"audit.toml": "weights.safetensors", "audit_honest.toml": "weights_honest.safetensors"}


def main() -> None:
    """Train on the reference data of each audit file."""
    for audit_file, weights in TWINS.items():
        save(trained(FOLDER / audit_file), FOLDER / weights)


def trained(audit_file: Path) -> nn.Module:
    """The network of an audit file, fitted on its reference data."""
    labels = torch.tensor(column_of(audit_file, "reference", "launders").astype(float)).float()[:, None]
    torch.manual_seed(4)
    loss = nn.functional.binary_cross_entropy_with_logits
    return fit(build(), arguments_of(audit_file, "reference"), labels, loss, epochs=40, batch=64, rate=0.01, decay=0.02, seed=4)


if __name__ == "__main__":
    main()
