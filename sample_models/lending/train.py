"""Trains the lending network: whole batches, float64, one thread, fixed steps; writes weights.safetensors. Under a minute, no accelerator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from audit.config import AuditConfig
from audit.config_file import load_config
from audit.data.encoding import fit_table_encoder
from audit.data.inference import infer_schema
from audit.data.tables import open_table
from sample_models.fitting import save
from sample_models.lending.model import build

FOLDER = Path(__file__).resolve().parent
SEED = 20
STEPS = 60
LEARNING_RATE = 0.005
WEIGHT_DECAY = 0.02
"""Few steps and weight decay keep the network smooth; both were chosen by cross-validation on the training file."""


def main() -> None:
    """Train on data/train.parquet and write the weights beside this file."""
    torch.set_num_threads(1)
    config = load_config(FOLDER / "audit.toml").config
    inputs, labels = encoded(FOLDER / "data" / "train.parquet", config)
    network = fit(inputs, labels, arguments=config.model.arguments)
    save(network, FOLDER / "weights.safetensors")


def encoded(path: Path, config: AuditConfig) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Inputs (n, k) as the audit will encode them, and labels (n,) of one Parquet file."""
    data = config.data
    schema = infer_schema(path, columns=data.inputs, declared=data.columns, missing=data.missing)
    table = open_table(path, name="reference", schema=schema, extra=["approve"], text=[])
    encoder = fit_table_encoder(schema, table, data.columns, "float64")
    rows = table.take(np.arange(table.n_rows))
    return encoder.encode(rows).values, rows.values["approve"].astype(np.float64)


def fit(inputs: NDArray[np.float64], labels: NDArray[np.float64], *, arguments: dict[str, object], seed: int = SEED) -> nn.Module:
    """The trained network in float64: plain log loss, so its probabilities mean frequencies, and decoupled weight decay."""
    torch.manual_seed(seed)
    network = build(**arguments).double()  # type: ignore[arg-type]
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    x, y = torch.from_numpy(inputs), torch.from_numpy(labels)[:, None]
    for _ in range(STEPS):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(x), y).backward()
        optimizer.step()
    return network


if __name__ == "__main__":
    main()
