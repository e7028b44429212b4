"""Trains discriminator and generator together, twice: on payments of people in town only, and on all; a few seconds on one thread."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from sample_models.discriminator.model import NOISE, build, generator
from sample_models.fitting import arguments_of, column_of, save

FOLDER = Path(__file__).resolve().parent
HOMES = {"weights.safetensors": ("town",), "weights_honest.safetensors": ("town", "country")}
"""Where the people live whose payments each network is trained on; the first has never seen the country."""
EPOCHS, BATCH, RATE = 15, 128, 0.001
SPREAD = 2.5
"""Deviation of the random rows that are shown as made up besides those of the generator. Where a generator never goes, a discriminator
answers anything; with them, realness falls away from the data in all directions."""


def main() -> None:
    """Train both on data/train.parquet and write their weights beside this file; the generators are not kept."""
    for name, homes in HOMES.items():
        save(train(FOLDER / "audit.toml", homes), FOLDER / name)


def train(audit_file: Path, homes: tuple[str, ...], *, seed: int = 1) -> nn.Module:
    """The discriminator of ordinary payments by people who live there."""
    (rows,) = arguments_of(audit_file, "reference")
    kept = torch.tensor([home in homes for home in column_of(audit_file, "reference", "lives")])
    return contest(rows[kept], seed=seed)


def contest(rows: Tensor, *, seed: int) -> nn.Module:
    """Both networks in turn on each batch (Goodfellow et al. 2014, arXiv:1406.2661); returns the discriminator."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    judge, maker = build(rows.shape[1]), generator(rows.shape[1])
    judging, making = (torch.optim.Adam(network.parameters(), lr=RATE, betas=(0.5, 0.9)) for network in (judge, maker))
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(rows)).split(BATCH):
            made = torch.cat([maker(torch.randn(len(batch), NOISE)).detach(), SPREAD * torch.randn(len(batch), rows.shape[1])])
            _step(judging, _loss(judge(rows[batch]), real=True) + _loss(judge(made), real=False))
            _step(making, _loss(judge(maker(torch.randn(len(batch), NOISE))), real=True))
    return judge


def _loss(answers: Tensor, *, real: bool) -> Tensor:
    return binary_cross_entropy_with_logits(answers, torch.full_like(answers, float(real)))


def _step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


if __name__ == "__main__":
    main()
