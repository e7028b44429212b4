"""Trains the map twice, by batch updates, on readings of the first make of sensor only and of both; a second on one thread."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from sample_models.fitting import arguments_of, column_of, save
from sample_models.self_organising_map.model import SelfOrganisingMap, build

FOLDER = Path(__file__).resolve().parent
MAKES = {"weights.safetensors": ("first make",), "weights_honest.safetensors": ("first make", "second make")}
"""Makes of the sensors whose readings each map is trained on; the first has never seen the second make."""
ROUNDS = 40
WIDEST, NARROWEST = 4.0, 0.5
"""Reach of the neighbourhood on the grid, in units, in the first and the last round."""


def main() -> None:
    """Train both on data/train.csv and write their weights beside this file."""
    for name, makes in MAKES.items():
        save(train(FOLDER / "audit.toml", makes), FOLDER / name)


def train(audit_file: Path, makes: tuple[str, ...], *, seed: int = 1) -> SelfOrganisingMap:
    """A map of the ordinary readings of these sensors."""
    (rows,) = arguments_of(audit_file, "reference")
    kept = torch.tensor([make in makes for make in column_of(audit_file, "reference", "sensor")])
    return fit_map(build(), rows[kept], seed=seed)


def fit_map(network: SelfOrganisingMap, rows: Tensor, *, seed: int) -> SelfOrganisingMap:
    """Batch training: every unit becomes the mean of all rows, weighted by how near on the grid their best matching units lie."""
    count = len(network.units)
    chosen = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))[:count]
    network.units.data = rows[chosen].clone()
    side = round(count**0.5)
    grid = torch.cartesian_prod(torch.arange(side), torch.arange(side)).to(rows.dtype)
    apart = torch.cdist(grid, grid).square()
    for place in range(ROUNDS):
        reach = WIDEST * (NARROWEST / WIDEST) ** (place / (ROUNDS - 1))
        near = torch.exp(-apart / (2 * reach**2))[network.squared(rows).argmin(dim=1)]
        network.units.data = near.T @ rows / near.sum(dim=0)[:, None]
    return network


if __name__ == "__main__":
    main()
