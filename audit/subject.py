"""`Subject`: model, datasets and what an output means. Holds nothing of the length of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.companion import Companion
from audit.data.batch import Batch, Players
from audit.data.dataset import Dataset, RowBlock
from audit.data.encoding import Encoder, StructuredEncoder, TableEncoder
from audit.facts import Facts
from audit.models.model import Model, TellsWhy

_NO_ENTRIES = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Subject:
    """What is audited. `encoder` is None when there is no network to encode for (predictions)."""

    model: Model
    evaluate: Dataset
    reference: Dataset | None
    calibration: Dataset | None
    encoder: Encoder | None
    facts: Facts
    roles: Mapping[str, str]
    """Names of the columns that play a part: label, id, weight, cluster, time."""
    seed: int = 0
    """Seed of everything that is drawn at random before rows are measured, such as a background."""
    companions: Mapping[str, Companion] = field(default_factory=dict)
    """Other models that are asked about the same rows, by name."""

    def has(self, need: str) -> bool:
        """Whether a need of a probe or check is met."""
        kinds = [column.kind for column in self.facts.schema.columns]
        present = {
            "columns": all(column.single for column in self.facts.schema.columns),
            "image": kinds == ["image"],
            "text": "text" in kinds,
            "movable": "text" not in kinds,
            "drawn": bool({"image", "series"} & set(kinds)),
            "same_players": not self.players.by_row,
            "labels": self.facts.labelled,
            "groups": bool(self.facts.groups),
            "reference": self.reference is not None,
            "calibration": self.calibration is not None,
            "inputs": self.encoder is not None,
            "companions": bool(self.companions),
            "background": self.reference is not None or (isinstance(self.encoder, StructuredEncoder) and not self.encoder.needs_background),
        }
        return present.get(need, need in self.model.capabilities)

    def why_not(self, need: str) -> str:
        """Why a need is not met, as a sentence."""
        if isinstance(self.model, TellsWhy) and need in self.model.lacks:
            return self.model.lacks[need]
        found = ", ".join(dict.fromkeys(column.kind for column in self.facts.schema.columns))
        reasons = {
            "columns": f"It looks at the columns of a table; the network's inputs are of kind {found}.",
            "image": f"It is for networks that look at one image and nothing else; the network's inputs are of kind {found}.",
            "text": "None of the network's inputs is a text.",
            "movable": "Words are exchanged, not moved by a little, so a radius has no meaning for text.",
            "drawn": f"It is for inputs that are drawn, images and series; the network's inputs are of kind {found}.",
            "same_players": "Every row has units of explanation of its own (superpixels), so there is nothing to add up over rows.",
            "companions": "No companion, another model for the same rows, was declared.",
            "labels": "No label column was declared.",
            "groups": "No group (protected attribute) was declared.",
            "reference": "No reference data was declared.",
            "background": "No reference data was declared.",
            "calibration": "No calibration data was declared.",
            "inputs": "Only predictions were given, so there are no inputs to look at.",
            "gradients": "The model gives outputs only, no gradients.",
            "embeddings": "The model gives no embeddings.",
            "modules": "The model gives no access to layers.",
        }
        return reasons[need]

    def encode(self, rows: RowBlock) -> Batch:
        """Raw rows as the network takes them."""
        if self.encoder is None:
            return Batch({}, "", rows)
        return self.encoder.encode(rows)

    @property
    def players(self) -> Players:
        """The units of explanation."""
        if self.encoder is None:
            return Players((), _NO_ENTRIES)
        return self.encoder.players

    @property
    def by_column(self) -> Players:
        """The raw columns, also where several are one unit of explanation."""
        return self.encoder.by_column if isinstance(self.encoder, TableEncoder) else self.players

    def owners(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Player of each entry of flattened rows `values` (n, …): (entries,), or (n, entries) where every row has players of its own."""
        found = self.encoder.owners(values) if isinstance(self.encoder, StructuredEncoder) else None
        return self.players.owner if found is None else found

    def describe(self) -> dict[str, Any]:
        """Hashes, sizes and meanings for the run, as plain data."""
        data = {d.name: {"rows": d.n_rows, "sha256": d.digest} for d in (self.evaluate, self.reference, self.calibration) if d is not None}
        facts = self.facts
        return {
            "model": self.model.description | {"sha256": self.model.digest, "capabilities": sorted(self.model.capabilities)},
            "companions": {name: one.describe() for name, one in self.companions.items()},
            "data": data,
            "task": facts.task,
            "output": facts.output,
            "classes": list(facts.classes),
            "favourable": list(facts.favourable),
            "threshold": facts.threshold,
            "threshold_source": None if facts.threshold_source is None else asdict(facts.threshold_source),
            "flag": facts.flag,
            "label": facts.label,
            "labels": list(facts.labels),
            "thresholds": list(facts.thresholds),
            "label_kind": facts.label_kind,
            "label_unit": facts.label_unit,
            "census": facts.census,
            "roles": dict(self.roles),
            "groups": [
                {"name": g.name, "column": g.column, "levels": list(g.levels), "reference": g.reference, "shares": dict(g.shares), "best": g.best}
                for g in facts.groups
            ],
            "columns": [
                {"name": c.name, "kind": c.kind, "unit": c.unit, "levels": list(c.levels), "immutable": c.immutable} for c in facts.schema.columns
            ],
        }
