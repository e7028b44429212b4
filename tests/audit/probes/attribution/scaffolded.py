"""Networks that lean on a sensitive column openly, and one that hides it from whoever asks about rows that do not exist."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from audit.data.dataset import ColumnSchema, Schema
from audit.data.encoding import fit_table_encoder
from audit.data_config import ColumnConfig
from audit.facts import Facts
from audit.models.torch_model import TorchModel
from audit.subject import Subject
from tests.audit.probes.attribution.small import Held

PAIRS = 4
NAMES = ("sensitive", "harmless", *(f"{end}{pair}" for pair in range(PAIRS) for end in ("left", "right")))
SCHEMA = Schema(columns=tuple(ColumnSchema(name=name, kind="numeric") for name in NAMES))


def rows(count, seed):
    """Two independent columns, and pairs of columns that agree in every real row but for a little noise."""
    generator = np.random.default_rng(seed)
    shared = generator.normal(size=(count, PAIRS))
    pairs = np.stack([shared, shared + 0.1 * generator.normal(size=shared.shape)], axis=2).reshape(count, -1)
    return np.concatenate([generator.normal(size=(count, 2)), pairs], axis=1)


class Open(nn.Module):
    """Decides by the sensitive column, whatever it is asked about."""

    def forward(self, x):
        return 4 * x[:, :1]


class Scaffolded(nn.Module):
    """Decides by the sensitive column where all pairs agree, as they do in real rows, and by the harmless one elsewhere (Slack et al. 2020)."""

    def forward(self, x):
        pairs = x[:, 2:].reshape(len(x), PAIRS, 2)
        real = ((pairs[..., 0] - pairs[..., 1]).abs() < 0.5).all(dim=1)
        return 4 * torch.where(real, x[:, 0], x[:, 1])[:, None]


class Mixed(nn.Module):
    """An ordinary network of all columns."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.body = nn.Sequential(nn.Linear(len(NAMES), 16), nn.Tanh(), nn.Linear(16, 1))

    def forward(self, x):
        return 4 * self.body(x)


def subject_of(module, count=440):
    """A binary subject with so many evaluated and reference rows."""
    evaluate, reference = (Held(dict(zip(NAMES, rows(count, seed).T, strict=True)), digest=str(seed)) for seed in (1, 2))
    encoder = fit_table_encoder(SCHEMA, reference, {name: ColumnConfig(encode="none") for name in NAMES}, "float64")
    facts = Facts(
        task="binary",
        output="logits",
        classes=("0", "1"),
        favourable=(1,),
        threshold=0.5,
        label=None,
        label_kind="outcome",
        groups=(),
        schema=SCHEMA,
    )
    return Subject(TorchModel(module, dtype="float64", device="cpu"), evaluate, reference, None, encoder, facts, {})
