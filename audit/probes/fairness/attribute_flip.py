"""Probe `fairness.attribute_flip`: what the network answers when nothing but a protected attribute among its inputs is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.dataset import Dataset, GroupSpec, RowBlock
from audit.data.groups import group_codes
from audit.decide import Decided, decide
from audit.errors import MethodError
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject

Floats = NDArray[np.float64]
READ = 65_536
"""Rows read at a time."""
ENOUGH = 100
"""Rows of each level after which no more are read to find its usual raw value."""


@dataclass(frozen=True)
class Flip:
    """One attribute that is an input: its position among the declared attributes, its column, and the raw values that stand for its levels."""

    attribute: int
    column: str
    levels: tuple[int, ...]
    values: tuple[float | str, ...]


@dataclass(frozen=True)
class State:
    """The attributes to change."""

    flips: tuple[Flip, ...]


@probe(
    columns={
        "changed": Column("Whether the decision changes under any other level of any protected attribute among the inputs; -1 unknown.", "0 or 1"),
        "largest_score_change": Column("Largest change of any class probability, or of the score, under these changes; NaN unknown."),
    },
    needs={"inputs", "groups"},
    reads=("outputs",),
    sample=10_000,
    block=16_384,
    tasks={"binary", "multiclass", "regression", "anomaly"},
)
def attribute_flip(block: Block, state: State) -> Columns:
    """Sets each protected attribute that is an input to each of its other levels, all else equal, and asks the network again.

    A level is set through a raw value that stands for it: the most common text, or the median number, of the rows that have the level. Rows
    whose own level is unknown, or for which an output is not finite, are unknown unless another change already moved the decision.
    """
    facts, before = block.subject.facts, _before(block)
    n = len(block)
    asked, broken, changed = (np.zeros(n, dtype=np.bool_) for _ in range(3))
    largest = np.zeros(n)
    for flip in state.flips:
        codes = group_codes(facts.groups[flip.attribute], block.rows)
        for level, value in zip(flip.levels, flip.values, strict=True):
            kept = np.flatnonzero((codes >= 0) & (codes != level))
            if len(kept) == 0:
                continue
            after = decide(block.subject.model.outputs(block.subject.encode(_with(block.rows, kept, flip.column, value))), facts)
            usable = after.finite == 1
            asked[kept], broken[kept] = True, broken[kept] | ~usable
            if after.decision is not None:
                changed[kept] |= usable & (after.decision != block.reads["outputs.decision"][kept])
            if before is not None:
                moved = np.abs(_scores(after) - before[kept]).max(axis=1)
                largest[kept] = np.maximum(largest[kept], np.where(usable, moved, 0.0))
    finite = block.reads["outputs.finite"] == 1
    return _columns(block, asked & finite, broken, changed, largest if before is not None else None)


@attribute_flip.prepare
def prepare(subject: Subject) -> Prepared:
    """Find the attributes among the inputs, and a raw value for each of their levels."""
    names = subject.facts.schema.names
    found = [(position, spec) for position, spec in enumerate(subject.facts.groups) if spec.column in names]
    if not found:
        raise MethodError("no protected attribute is an input of the network")
    usual = _usual_values(subject.evaluate, [spec for _, spec in found])
    flips = tuple(Flip(position, spec.column, tuple(held), tuple(held.values())) for (position, spec), held in zip(found, usual, strict=True))
    levels = {
        "attribute": [spec.name for (_, spec), held in zip(found, usual, strict=True) for _ in held],
        "level": [spec.levels[level] for (_, spec), held in zip(found, usual, strict=True) for level in held],
        "value": [str(value) for held in usual for value in held.values()],
    }
    left = [spec.name for spec in subject.facts.groups if spec.column not in names]
    notes = (f"Not changed, because no input of that name exists: {', '.join(left)}.",) if left else ()
    return Prepared(State(flips), {"levels": levels}, notes)


def _usual_values(dataset: Dataset, specs: Sequence[GroupSpec]) -> list[dict[int, float | str]]:
    """For each attribute a raw value per level, from the first rows that have it; a level without rows has none."""
    seen: list[list[list[Any]]] = [[[] for _ in spec.levels] for spec in specs]
    for block in dataset.blocks(READ):
        for spec, held in zip(specs, seen, strict=True):
            codes, values = group_codes(spec, block), block.values[spec.column]
            for level, found in enumerate(held):
                found.extend(values[codes == level][: ENOUGH * 10].tolist())
        if all(len(found) >= ENOUGH for held in seen for found in held):
            break
    return [{level: _usual(found) for level, found in enumerate(held) if found} for held in seen]


def _usual(values: list[Any]) -> float | str:
    """The median number or the most common text; one that occurs."""
    if isinstance(values[0], str):
        names, counts = np.unique(np.asarray(values, dtype=object), return_counts=True)
        return str(names[np.argmax(counts)])
    return float(np.quantile(np.asarray(values, dtype=np.float64), 0.5, method="inverted_cdf"))


def _with(rows: RowBlock, kept: NDArray[np.int64], column: str, value: float | str) -> RowBlock:
    """Some of the rows with one column set to one value."""
    values = {name: held[kept] for name, held in rows.values.items()}
    values[column] = np.full(len(kept), value, dtype=rows.values[column].dtype)
    return RowBlock(rows.positions[kept], values)


def _before(block: Block) -> Floats | None:
    """Probabilities (n, K) or the score (n, 1) as they were; None where only decisions are known."""
    for name in ("outputs.probability", "outputs.score"):
        if name in block.reads:
            values = np.asarray(block.reads[name], dtype=np.float64)
            return values if values.ndim == 2 else values[:, None]
    return None


def _scores(after: Decided) -> Floats:
    if after.probability is not None:
        return after.probability
    assert after.score is not None  # noqa: S101  only asked for where scores were there before
    return after.score[:, None]


def _columns(
    block: Block, asked: NDArray[np.bool_], broken: NDArray[np.bool_], changed: NDArray[np.bool_], largest: Floats | None
) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    if "outputs.decision" in block.reads:
        known = asked & (changed | ~broken)
        columns["changed"] = np.where(known, changed, -1).astype(np.int8)
    if largest is not None:
        columns["largest_score_change"] = np.where(asked & ~broken, largest, np.nan)
    return columns
