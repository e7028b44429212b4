"""Encoded rows with one column set to other values, and what the model then answers, as methods that look at one column at a time need it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.dataset import ColumnSchema, RowBlock
from audit.data.roles import clusters_of, weights_of
from audit.decide import decide
from audit.errors import MethodError
from audit.explained import differentiable
from audit.row_design import RowDesign, design_of
from audit.streams import generator
from audit.subject import Subject

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DrawnRows:
    """Rows drawn from the evaluation data for one purpose, raw and as the network takes them (n, entries)."""

    subject: Subject
    raw: RowBlock
    encoded: NDArray[Any]
    design: RowDesign
    """Weights and clusters of these rows."""

    @property
    def responses(self) -> tuple[str, ...]:
        """What `respond` gives: the classes, or empty text where it is one number: P(class 1), a score or a quantity."""
        facts = self.subject.facts
        several = facts.task in ("multiclass", "multilabel") and facts.output != "score"
        return facts.classes if several else ("",)

    def respond(self, values: NDArray[Any]) -> Floats:
        """The response (m, k) to encoded rows (m, entries); raises MethodError where the model gives decisions only."""
        model = differentiable(self.subject)
        with model.session(gradients=False) as network:
            answered = network(model.tensor(values)).cpu().double().numpy()
        decided = decide(answered, self.subject.facts)
        response = decided.probability if len(self.responses) > 1 else decided.score
        if response is None:
            raise MethodError("the model gives decisions only, and no probability, score or quantity that could move")
        return response.reshape(len(values), -1)

    def mover(self, column: str, grid: NDArray[Any]) -> Callable[[NDArray[np.int64]], Floats]:
        """``places (n,) → (n, k)``: responses with `column` of each row set to the raw value of `grid` at its place."""
        place = self.subject.by_column.names.index(column)
        own = self.subject.by_column.owner == place
        one = self.subject.evaluate.take(self.raw.positions[:1])
        copies = {name: np.repeat(values[:1], len(grid), axis=0) for name, values in one.values.items()} | {column: grid}
        entries = self.subject.encode(RowBlock(np.zeros(len(grid), dtype=np.int64), copies)).values[:, own]

        def answer(places: NDArray[np.int64]) -> Floats:
            changed = self.encoded.copy()
            changed[:, own] = entries[places]
            return self.respond(changed)

        return answer

    def known(self, column: ColumnSchema) -> NDArray[np.bool_]:
        """Rows (n,) in which the column is not missing."""
        values = self.raw.values[column.name]
        if column.kind == "numeric":
            return np.asarray(np.isfinite(values.astype(np.float64)))
        return np.array([value is not None for value in values], dtype=np.bool_)

    def some(self, kept: NDArray[np.bool_]) -> DrawnRows:
        """Those of the rows that are `kept` (n,)."""
        values = {name: part[kept] for name, part in self.raw.values.items()}
        return DrawnRows(self.subject, RowBlock(self.raw.positions[kept], values), self.encoded[kept], self.design.of(kept))


def draw_rows(subject: Subject, count: int, purpose: str) -> DrawnRows:
    """At most `count` evaluated rows with finite responses, drawn from the seed for `purpose`, in the order of the data."""
    drawn = generator(subject.seed, f"{purpose} {subject.evaluate.digest}").permutation(subject.evaluate.n_rows)[:count]
    raw = subject.evaluate.take(np.sort(drawn).astype(np.int64))
    roles = subject.roles
    weights = weights_of(raw.values[roles["weight"]], roles["weight"]) if "weight" in roles else None
    clusters = clusters_of(raw.values[roles["cluster"]], {}) if "cluster" in roles else None
    held = DrawnRows(subject, raw, subject.encode(raw).values, design_of(weights, clusters))
    return held.some(np.asarray(np.isfinite(held.respond(held.encoded)).all(axis=1)))
