"""Trains the two networks of the recurrent sample, each on the reference data of its audit file; a few seconds on one thread."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from sample_models.fitting import arguments_of, column_of, fit, save
from sample_models.recurrent.model import build

FOLDER = Path(__file__).resolve().parent
SEED = 5
TWINS = {"audit.toml": "weights.safetensors", "audit_honest.toml": "weights_honest.safetensors"}


def main() -> None:
    """Train both and write their weights beside this file."""
    for audit_file, weights in TWINS.items():
        save(trained(FOLDER / audit_file), FOLDER / weights)


def trained(audit_file: Path) -> nn.Module:
    """The network of an audit file, fitted on its reference data."""
    labels = torch.from_numpy(column_of(audit_file, "reference", "tuv").astype("float32"))[:, None]
    torch.manual_seed(SEED)  # before the first weights are drawn
    loss = nn.functional.binary_cross_entropy_with_logits
    return fit(build(), arguments_of(audit_file, "reference"), labels, loss, epochs=15, batch=50, rate=0.005, decay=0.01, seed=SEED)


if __name__ == "__main__":
    main()
