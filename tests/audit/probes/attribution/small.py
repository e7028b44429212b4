"""Small subjects around a network given in code: a table with columns of every kind, and images. One function measures a probe on all rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import nn

from audit.data.dataset import ColumnSchema, RowBlock, Schema
from audit.data.encoding import fit_table_encoder
from audit.data.image_encoding import ImageEncoder
from audit.data_config import ColumnConfig, ImageConfig
from audit.decide import decide
from audit.facts import Facts
from audit.models.torch_model import TorchModel
from audit.probe import Block, Prepared, Probe
from audit.subject import Subject

TABLE = Schema(
    columns=(
        ColumnSchema(name="income", kind="numeric"),
        ColumnSchema(name="visits", kind="numeric", integer=True),
        ColumnSchema(name="job", kind="categorical", levels=("a", "b", "c")),
        ColumnSchema(name="debt", kind="numeric", missing="indicator"),
    )
)
ENTRIES = 7
"""income, visits, job=a, job=b, job=c, debt, debt missing."""
PICTURE = Schema(columns=(ColumnSchema(name="picture", kind="image", shape=(2, 9, 7)),))


@dataclass(frozen=True)
class Held:
    """A dataset in memory."""

    values: dict[str, np.ndarray]
    name: str = "reference"
    digest: str = "held"
    columns: tuple[str, ...] = field(default=())

    @property
    def n_rows(self) -> int:
        return len(next(iter(self.values.values())))

    def blocks(self, size: int) -> Any:
        for start in range(0, self.n_rows, size):
            yield self.take(np.arange(start, min(start + size, self.n_rows)))

    def take(self, positions: np.ndarray) -> RowBlock:
        return RowBlock(positions, {name: part[positions] for name, part in self.values.items()})


@dataclass(frozen=True)
class Measured:
    """What a probe prepared and measured, and the subject."""

    subject: Subject
    prepared: Prepared
    columns: dict[str, Any]


def rows_of(schema: Schema, count: int, seed: int) -> Held:
    """Random rows; three fifths of the visits are 0, a tenth of the debts are missing."""
    generator = np.random.default_rng(seed)
    if schema is PICTURE:
        return Held({"picture": generator.normal(size=(count, 2, 9, 7)).astype(np.float32)})
    return Held(
        {
            "income": generator.lognormal(size=count),
            "visits": np.where(generator.random(count) < 0.6, 0.0, generator.integers(1, 9, count)),
            "job": generator.choice(np.array(["a", "b", "c"], dtype=object), count, p=[0.5, 0.3, 0.2]),
            "debt": np.where(generator.random(count) < 0.1, np.nan, generator.normal(size=count)),
        }
    )


def subject_of(module: nn.Module, *, schema: Schema = TABLE, classes: int = 2, regression: bool = False, reference: bool = True) -> Subject:
    """A float64 network, 12 evaluated rows and 300 reference rows."""
    evaluate, held = rows_of(schema, 12, 1), rows_of(schema, 300, 2)
    encoder: Any = ImageEncoder.from_config(ImageConfig(array="picture", patch=4), (2, 9, 7), "float64")
    if schema is not PICTURE:
        encoder = fit_table_encoder(schema, held, {"income": ColumnConfig(encode="standard")}, "float64")
    facts = Facts(
        task="regression" if regression else "binary" if classes == 2 else "multiclass",
        output="quantity" if regression else "logits",
        classes=() if regression else tuple(str(i) for i in range(classes)),
        favourable=(),
        threshold=0.5 if classes == 2 and not regression else None,
        label=None,
        label_kind="outcome",
        groups=(),
        schema=schema,
    )
    return Subject(TorchModel(module, dtype="float64", device="cpu"), evaluate, held if reference else None, None, encoder, facts, {})


def measure(probe: Probe, subject: Subject, *, block: int = 12, unusable: tuple[int, ...] = (), **settings: Any) -> Measured:
    """All rows of a subject, `block` at a time, as if the outputs of those `unusable` were not finite."""
    resolved = probe.settings.resolve(settings, probe.id)
    prepared, parts = probe.prepared(subject, resolved), []
    for start in range(0, subject.evaluate.n_rows, block):
        rows = subject.evaluate.take(np.arange(start, min(start + block, subject.evaluate.n_rows)))
        reads = _outputs(subject, rows, np.isin(rows.positions, unusable))
        parts.append(probe.measure(Block(subject, rows, reads, 7, probe.id), prepared.state, resolved))
    return Measured(subject, prepared, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _outputs(subject: Subject, rows: RowBlock, unusable: np.ndarray) -> dict[str, np.ndarray]:
    answered = subject.model.outputs(subject.encode(rows))
    answered[unusable] = np.nan
    decided = decide(answered, subject.facts)
    found = {"output": answered, "probability": decided.probability, "score": decided.score, "decision": decided.decision, "finite": decided.finite}
    return {f"outputs.{name}": values for name, values in found.items() if values is not None}
