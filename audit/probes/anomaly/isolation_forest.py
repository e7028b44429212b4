"""The probe `anomaly.isolation_forest`: rows of a table that few random cuts set apart, and the columns in which they lie far out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.calibrated import COLUMNS, Calibration, Floats, calibrate, drawn, reference_of
from audit.data.dataset import RowBlock
from audit.methods.anomaly.columns import LevelColumn, NumberColumn, level_column, number_column, surprise
from audit.methods.anomaly.isolation import Forest, forest_scores, grow_forest
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.streams import generator
from audit.subject import Subject

CONTRIBUTION = Column("How far out the row lies in each raw column on its own: -ln of the share of reference rows at least as far out.", "nats")


@dataclass(frozen=True)
class State:
    """The forest, one reference per raw column, and the calibration scores."""

    forest: Forest
    columns: tuple[NumberColumn | LevelColumn, ...]
    calibration: Calibration


@probe(columns={**COLUMNS, "contribution": CONTRIBUTION}, needs={"calibration", "reference", "inputs", "columns"})
def isolation_forest(block: Block, state: State, *, trees: int = 200, samples: int = 256) -> Columns:  # noqa: ARG001  read by prepare
    """Scores each row of a table by how few random cuts set it apart from reference rows, in the numbers the network is given.

    `trees` trees are grown on `samples` reference rows each; a column of many levels is many entries, so it is cut more often. Cuts lie
    within the reference rows, so a value far beyond them counts no more than their largest. Contributions are no part of the forest: they
    look at each raw column on its own, and miss what is unusual only in combination. Both get no word of how far beyond a value lies.
    """
    found = state.calibration.columns(forest_scores(state.forest, _entries(block.subject, block.rows)))
    parts = [surprise(reference, _values(block.rows, name)) for reference, name in zip(state.columns, block.subject.facts.schema.names, strict=True)]
    return {**found, "contribution": np.stack(parts, axis=1)}


@isolation_forest.prepare
def prepare(subject: Subject, *, trees: int = 200, samples: int = 256) -> Prepared:
    """Grow the forest on reference rows, sort their columns, and score the calibration rows."""
    schema, reference = subject.facts.schema, reference_of(subject)
    blocks = list(drawn(subject, reference))
    entries = np.concatenate([_entries(subject, rows) for rows in blocks])
    forest = grow_forest(entries, trees=trees, samples=samples, generator=generator(subject.seed, f"isolation forest {reference.digest}"))
    held = calibrate(subject, lambda rows: forest_scores(forest, _entries(subject, rows)), fitted_on=reference)
    columns = tuple(_column(np.concatenate([_values(rows, name) for rows in blocks])) for name in schema.names)
    return Prepared(State(forest, columns, held), {**held.tables, "players": {"name": list(schema.names)}}, held.notes)


def _entries(subject: Subject, rows: RowBlock) -> Floats:
    return subject.encode(rows).values.reshape(len(rows), -1).astype(np.float64)


def _values(rows: RowBlock, name: str) -> NDArray[np.float64] | NDArray[np.object_]:
    return rows.values[name]


def _column(values: NDArray[np.float64] | NDArray[np.object_]) -> NumberColumn | LevelColumn:
    return number_column(values.astype(np.float64)) if values.dtype.kind in "fiub" else level_column(values)
