"""Trains the members of both ensembles of the sample and writes each alone and all together. A few seconds, on one thread."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from sample_models.ensemble.model import Ensemble, build
from sample_models.fitting import arguments_of, column_of, fit, save

FOLDER = Path(__file__).resolve().parent
TWINS = {"audit.toml": "weights", "audit_honest.toml": "weights_honest"}
MEMBERS, INPUTS, HIDDEN = 5, 5, 16


def main() -> None:
    """Train on the reference data of each audit file."""
    for audit_file, name in TWINS.items():
        together = trained(FOLDER / audit_file)
        save(together, FOLDER / f"{name}.safetensors")
        for number, member in enumerate(together.members, start=1):
            save(member, FOLDER / f"{name}_member_{number}.safetensors")


def trained(audit_file: Path) -> Ensemble:
    """The members differ by their first weights and by the order in which they saw the rows."""
    inputs = arguments_of(audit_file, "reference")
    labels = torch.tensor(column_of(audit_file, "reference", "needs_water").astype("float32"))[:, None]
    together = Ensemble(MEMBERS, INPUTS, HIDDEN)
    for number in range(MEMBERS):
        torch.manual_seed(number)
        loss = nn.functional.binary_cross_entropy_with_logits
        together.members[number] = fit(build(1), inputs, labels, loss, epochs=40, batch=100, rate=0.01, decay=0.001, seed=number)
    return together.eval()


if __name__ == "__main__":
    main()
