"""Trains the two networks of the leak sample, each on the inputs its audit file names; seconds on one thread."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from sample_models.fitting import arguments_of, column_of, fit, save
from sample_models.leak.model import build

FOLDER = Path(__file__).resolve().parent
TWINS = {"audit.toml": "weights.safetensors", "audit_honest.toml": "weights_honest.safetensors"}


def main() -> None:
    """Write the weights of both."""
    for audit_file, weights in TWINS.items():
        save(trained(FOLDER / audit_file), FOLDER / weights)


def trained(audit_file: Path) -> nn.Module:
    """The network of an audit file, fitted on its reference data."""
    arguments = arguments_of(audit_file, "reference")
    labels = torch.tensor(column_of(audit_file, "reference", "unpaid").astype(float)).float()[:, None]
    torch.manual_seed(4)
    network = build(arguments[0].shape[1])
    return fit(network, arguments, labels, nn.functional.binary_cross_entropy_with_logits, epochs=25, batch=100, rate=0.005, decay=0.001, seed=4)


if __name__ == "__main__":
    main()
