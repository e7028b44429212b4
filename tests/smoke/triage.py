"""A small audited network of columns and two texts, which share an embedding: what a caller is asked, and what is written down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

WORDS = ["<pad>", "<unk>", "<mask>", "pain", "chest", "cough", "fall", "calm", "child"]
TITLE, NOTE = 2, 5
SETS = {"evaluate": 24, "reference": 12}


class Triage(nn.Module):
    """Columns (n, 2), ids of a title (n, TITLE), of a note (n, NOTE) and the note's mask → (n, 1) logit; `straight` is linear in what it is given."""

    def __init__(self, *, straight: bool) -> None:
        super().__init__()
        self.straight = straight
        self.embedding = nn.Embedding(len(WORDS), 3, padding_idx=0)
        self.head = nn.Linear(8, 1) if straight else nn.Sequential(nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 1))

    def forward(self, columns: Tensor, title: Tensor, note: Tensor, mask: Tensor) -> Tensor:
        short, long, kept = self.embedding(title), self.embedding(note), mask[..., None].to(columns.dtype)
        if self.straight:
            return self.head(torch.cat([columns, short.sum(dim=1), long.sum(dim=1)], dim=1))
        return self.head(torch.cat([columns, short.tanh().sum(dim=1), (long.tanh() * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1)], dim=1))


def triage(*, straight: bool) -> nn.Module:
    """The network that the audit file names."""
    return Triage(straight=straight)


class LookedUp(Triage):
    """The same, with the words looked up by a product, which no embedding is called for."""

    def forward(self, columns: Tensor, title: Tensor, note: Tensor, mask: Tensor) -> Tensor:
        short, long = (nn.functional.one_hot(ids, len(WORDS)).float() @ self.embedding.weight for ids in (title, note))
        return self.head(torch.cat([columns, short.sum(dim=1), (long * mask[..., None]).sum(dim=1)], dim=1))


def looked_up(*, straight: bool) -> nn.Module:
    """A network that is given ids and has no gradient of them."""
    return LookedUp(straight=straight)


def write_triage(folder: Path, *, straight: bool = False) -> Path:
    """Made-up calls. Returns the audit file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "words.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    for seed, (name, n) in enumerate(SETS.items()):
        generator = np.random.default_rng(seed)
        frame = pd.DataFrame({"age": generator.normal(size=n).round(3), "calls": generator.integers(1, 5, n)})
        frame["title"] = [" ".join(generator.choice(WORDS[3:], generator.integers(1, TITLE + 1))) for _ in range(n)]
        frame["note"] = [" ".join(generator.choice(WORDS[3:], generator.integers(1, NOTE + 1))) for _ in range(n)]
        frame["urgent"] = [int("pain" in note) for note in frame["note"]]
        frame["urgent"] = frame["urgent"].where(frame.index > 1, frame.index)
        frame["sex"] = np.array(["f", "m"])[np.arange(n) % 2]
        frame.to_csv(folder / f"{name}.csv", index=False)
    torch.manual_seed(1)
    save_file(triage(straight=straight).state_dict(), folder / "weights.safetensors")
    (folder / "audit.toml").write_text(AUDIT.format(straight=str(straight).lower(), title=TITLE, note=NOTE), encoding="utf-8")
    return folder / "audit.toml"


def inputs_of(folder: Path, name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What the network takes, worked out apart from the encoders: words of the made-up texts are apart by single spaces."""
    frame = pd.read_csv(folder / f"{name}.csv")
    columns = torch.tensor(frame[["age", "calls"]].to_numpy(dtype=np.float32))
    title, note = (_ids(frame[column], length) for column, length in (("title", TITLE), ("note", NOTE)))
    return columns, title, note, note != 0


def _ids(texts: pd.Series[str], length: int) -> Tensor:
    found = torch.zeros(len(texts), length, dtype=torch.int64)
    for row, text in enumerate(texts):
        words = [WORDS.index(word) for word in text.split()]
        found[row, : len(words)] = torch.tensor(words)
    return found


AUDIT = """
name = "Calls"
[model]
architecture = "tests.smoke.triage:triage"
arguments = {{ straight = {straight} }}
weights = "weights.safetensors"
output = "logits"
task = "binary"
[decision]
favourable = [1]
threshold = 0.5
[data]
kind = "several"
evaluate = "evaluate.csv"
reference = "reference.csv"
label = "urgent"
[data.parts.caller]
inputs = ["age", "calls"]
[data.parts.title.text]
column = "title"
vocabulary = "words.txt"
length = {title}
[data.parts.note.text]
column = "note"
vocabulary = "words.txt"
length = {note}
absent = "<mask>"
mask = true
[data.groups]
sex = "sex"
[probes]
"attribution.shapley" = {{ rows = 6 }}
"attribution.integrated_gradients" = {{ rows = 6, tolerance = 1e-6 }}
"attribution.expected_gradients" = {{ rows = 6 }}
"attribution.deep_shap" = {{ rows = 6 }}
"attribution.gradient" = {{ rows = 6 }}
"attribution.smoothgrad" = {{ rows = 6, draws = 10 }}
"attribution.lime" = {{ rows = 4, samples = 500 }}
"""
