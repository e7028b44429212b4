"""Writes a subject with columns of every kind around a network, and attacks its rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file

from audit.config_file import load_config
from audit.data.dataset import RowBlock
from audit.decide import decide
from audit.open_model import Trust
from audit.open_subject import open_subject
from audit.probe import Block
from audit.probes.robustness.pgd import pgd
from audit.subject import Subject
from tests.audit.probes.robustness import networks

ROOT = Path(__file__).resolve().parents[4]
INPUTS = {"income": 1, "years": 1, "age": 1, "job": 3, "owner": 1, "debt": 2, "fixed": 1}
"""Columns of the mixed subject and the entries each fills."""
MIXED = """
income = { kind = "numeric", unit = "USD", encode = "standard", mean = 3000, scale = 1500, min = 0 }
years = { kind = "numeric", encode = "standard", mean = 5, scale = 3, integer = true, min = 0, max = 12 }
age = { kind = "numeric", encode = "standard", mean = 40, scale = 12, direction = "increase" }
job = { kind = "categorical", levels = ["a", "b", "c"] }
owner = { kind = "binary", levels = [0, 1] }
debt = { kind = "numeric", encode = "none", missing = "indicator" }
fixed = { kind = "numeric", encode = "none", immutable = true }
"""


@dataclass(frozen=True)
class Attacked:
    """A subject, its evaluated rows and what the probe measured."""

    subject: Subject
    rows: RowBlock
    decision: np.ndarray
    columns: dict[str, Any]
    tables: dict[str, Any]
    state: Any


def mixed(folder: Path, factory: str = "honest", *, classes: int = 1, rows: int = 60, seed: int = 0) -> Path:
    """The audit file of a network on seven raw columns; a few debts are missing."""
    generator = np.random.default_rng(seed)
    for name, n in (("train", 200), ("test", rows)):
        frame = pd.DataFrame(
            {
                "income": generator.gamma(4, 800, n),
                "years": generator.integers(0, 13, n).astype(float),
                "age": generator.normal(40, 12, n),
                "job": generator.choice(["a", "b", "c"], n),
                "owner": generator.integers(0, 2, n),
                "debt": np.where(generator.random(n) < 0.1, np.nan, generator.normal(size=n)),
                "fixed": generator.normal(size=n),
                "outcome": generator.integers(0, max(classes, 2), n),
            }
        )
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    torch.manual_seed(seed + 1)
    wanted = {"inputs": sum(INPUTS.values())} | ({} if factory == "linear" else {"classes": classes})
    network = getattr(networks, factory)(**wanted)
    with torch.random.fork_rng():
        for parameter in network.parameters():
            parameter.data *= 2
    save_file(network.state_dict(), folder / "weights.safetensors")
    path = folder / "audit.toml"
    path.write_text(_config(factory, wanted, classes), encoding="utf-8")
    return path


def _config(factory: str, arguments: dict[str, int], classes: int) -> str:
    task = "binary" if classes == 1 else "multiclass"
    names = [str(i) for i in range(max(classes, 2))]
    pairs = ", ".join(f"{key} = {value}" for key, value in arguments.items())
    return f"""
name = "Mixed"
[model]
architecture = "tests.audit.probes.robustness.networks:{factory}"
arguments = {{ {pairs} }}
weights = "weights.safetensors"
output = "logits"
task = "{task}"
classes = {names}
[data]
evaluate = "test.parquet"
reference = "train.parquet"
label = "outcome"
inputs = {list(INPUTS)}
[data.columns]{MIXED}"""


def attack(config: Path, *, block: int | None = None, undecided: tuple[int, ...] = (), **settings: Any) -> Attacked:
    """Measure all rows of an audit file, `block` at a time, as if those `undecided` had no decision."""
    subject = open_subject(load_config(config), Trust((ROOT,)))
    resolved = pgd.settings.resolve(settings, pgd.id)
    prepared = pgd.prepared(subject, resolved)
    rows = subject.evaluate.take(np.arange(subject.evaluate.n_rows))
    decision = decide(subject.model.outputs(subject.encode(rows)), subject.facts).decision
    assert decision is not None
    decision[list(undecided)] = -1
    size, parts = block or len(rows), []
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        held = RowBlock(rows.positions[part], {name: values[part] for name, values in rows.values.items()})
        parts.append(pgd.measure(Block(subject, held, {"outputs.decision": decision[part]}, 7, pgd.id), prepared.state, resolved))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Attacked(subject, rows, decision, columns, dict(prepared.tables), prepared.state)
