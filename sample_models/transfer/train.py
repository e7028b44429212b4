"""Trains the two networks of the transfer sample: a body on ten digits, then, with the body frozen, a head on the trays; seconds on one thread."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from sample_models.fitting import arguments_of, column_of, fit, save
from sample_models.transfer.model import build

FOLDER = Path(__file__).resolve().parent
SOURCES = {"weights.safetensors": "source", "weights_honest.safetensors": "source_both"}
"""What the body of each network learned from."""
DIGITS = 10
SEED = 4


def main() -> None:
    """Train both and write their weights beside this file."""
    for weights, source in SOURCES.items():
        save(trained(FOLDER / "audit.toml", source), FOLDER / weights)


def trained(audit_file: Path, source: str) -> nn.Module:
    """A network whose body learned from `source`, and whose head from the reference data of the audit file."""
    with np.load(audit_file.parent / "data" / f"{source}.npz") as stored:
        images, digits = torch.from_numpy(stored["images"])[:, None] / 16, torch.from_numpy(stored["digit"])
    torch.manual_seed(SEED)  # before the first weights are drawn
    first = fit(build(outputs=DIGITS), (images,), digits, nn.functional.cross_entropy, epochs=20, batch=50, rate=0.004, decay=0.01, seed=SEED)
    network = build()
    network[0].load_state_dict(first[0].state_dict())
    network[0].requires_grad_(False)
    trays = torch.from_numpy(column_of(audit_file, "reference", "tray")).float()[:, None]
    loss = nn.functional.binary_cross_entropy_with_logits
    return fit(network, arguments_of(audit_file, "reference"), trays, loss, epochs=60, batch=50, rate=0.01, decay=0.01, seed=SEED)


if __name__ == "__main__":
    main()
