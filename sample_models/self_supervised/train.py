"""Trains the two networks of the self-supervised sample; some ten seconds each on one thread.

The encoder learns without labels: two changed copies of one series are to lie closer together than copies of different series (Chen et al. 2020,
arXiv:2002.05709). It comes to ignore whatever the changes change. The probe is then fitted to labels, with the encoder frozen.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sample_models.fitting import arguments_of, column_of, fit, save
from sample_models.self_supervised.model import build

FOLDER = Path(__file__).resolve().parent
SCALED = {"weights.safetensors": True, "weights_honest.safetensors": False}
"""Whether the copies that an encoder learned from were scaled at random."""
SEED = 6
SHARPNESS = 0.1
"""Temperature of the comparison."""


class TwoCopies(nn.Module):
    """(n, 1, steps) → (n, 2, features): features of two copies, each shifted in time, with noise, and, if `scaled`, made 0.4 to 2.5 times as wide."""

    def __init__(self, encoder: nn.Module, scaled: bool) -> None:
        super().__init__()
        self.encoder, self.scaled = encoder, scaled

    def forward(self, series: Tensor) -> Tensor:
        return torch.stack([self.encoder(self.changed(series)), self.encoder(self.changed(series))], dim=1)

    def changed(self, series: Tensor) -> Tensor:
        steps = series.shape[2]
        places = (torch.randint(steps, (len(series), 1)) + torch.arange(steps)) % steps
        moved = series.gather(2, places[:, None]) + 0.1 * torch.randn_like(series)
        return moved * torch.empty(len(series), 1, 1).uniform_(-0.92, 0.92).exp() if self.scaled else moved


def main() -> None:
    """Train both and write their weights beside this file."""
    for weights, scaled in SCALED.items():
        save(trained(FOLDER / "audit.toml", scaled), FOLDER / weights)


def trained(audit_file: Path, scaled: bool) -> nn.Module:
    """A network whose encoder learned from series without labels, and whose probe from the reference data of the audit file."""
    with np.load(audit_file.parent / "data" / "unlabelled.npz") as stored:
        series = torch.from_numpy(stored["readings"])[:, None]
    torch.manual_seed(SEED)  # before the first weights are drawn
    network = build()
    fit(TwoCopies(network[0], scaled), (series,), series, _apart, epochs=12, batch=200, rate=0.003, decay=1e-4, seed=SEED)
    network[0].requires_grad_(False)
    worn = torch.from_numpy(column_of(audit_file, "reference", "worn")).float()[:, None]
    loss = nn.functional.binary_cross_entropy_with_logits
    return fit(network, arguments_of(audit_file, "reference"), worn, loss, epochs=150, batch=50, rate=0.03, decay=0.0, seed=SEED)


def _apart(features: Tensor, _: Tensor) -> Tensor:
    """Cross-entropy of finding each copy's partner among all other copies of the batch."""
    copies = torch.cat([features[:, 0], features[:, 1]])
    likeness = (copies @ copies.T / SHARPNESS).fill_diagonal_(-torch.inf)
    return nn.functional.cross_entropy(likeness, torch.arange(len(copies)).roll(len(features)))


if __name__ == "__main__":
    main()
