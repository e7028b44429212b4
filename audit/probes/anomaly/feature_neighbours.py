"""The probe `anomaly.feature_neighbours`: rows that the network represents unlike any it knows from the reference data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from audit.calibrated import COLUMNS, Calibration, Floats, calibrate, drawn, reference_of
from audit.data.batch import Batch
from audit.data.dataset import RowBlock
from audit.errors import MethodError
from audit.methods.anomaly.neighbours import neighbour_count, neighbour_distance, neighbours_of, unit_rows
from audit.probe import Block, Column, Columns, Prepared, Table, probe
from audit.subject import Subject


@runtime_checkable
class Embeds(Protocol):
    """A model that tells what its last linear layer receives."""

    def embeddings(self, batch: Batch) -> Floats: ...


@dataclass(frozen=True)
class State:
    """Unit-length features of reference rows (b, width), which of their neighbours counts, and the calibration scores."""

    bank: Floats
    k: int
    calibration: Calibration


FEW = 5
"""Nearest reference rows that are kept for each row."""
LARGEST_TABLE = 2_000_000
"""Raw values of reference rows that are kept for readers, at most."""


@probe(
    columns={
        **COLUMNS,
        "nearest": Column("The nearest reference rows, nearest first, as positions in the table `bank`; -1 where unknown."),
        "nearest_distance": Column("Distances to them."),
    },
    needs={"calibration", "reference", "inputs", "embeddings"},
    block=8192,
)
def feature_neighbours(block: Block, state: State, *, neighbours: int = 50, bank: int = 10_000) -> Columns:  # noqa: ARG001  read by prepare
    """Scores each row by the distance of its features to the k-th nearest of `bank` reference rows.

    Features are what the last linear layer receives, scaled to length 1; k is `neighbours`, at most one in a hundred of the bank. Rows whose
    features are not finite get NaN.
    """
    found = neighbours_of(_features(block.subject, block.rows), state.bank, k=state.k, few=min(FEW, len(state.bank)))
    return {**state.calibration.columns(found.distance), "nearest": found.nearest, "nearest_distance": found.nearest_distance}


@feature_neighbours.prepare
def prepare(subject: Subject, *, neighbours: int = 50, bank: int = 10_000) -> Prepared:
    """Keep the features of reference rows, and score the calibration rows against them."""
    if bank < 1 or neighbours < 1:
        raise MethodError(f"bank and neighbours must be at least 1; found {bank} and {neighbours}")
    reference = reference_of(subject)
    blocks = list(drawn(subject, reference, size=bank))
    features = np.concatenate([_features(subject, rows) for rows in blocks])
    finite = np.isfinite(features).all(axis=1)
    kept = features[finite]
    if not len(kept):
        raise MethodError(f"the features of none of {len(features)} reference rows are finite")
    k = neighbour_count(len(kept), neighbours=neighbours)
    held = calibrate(subject, lambda rows: neighbour_distance(_features(subject, rows), kept, k=k), fitted_on=reference)
    note = f"Distances are to neighbour {k:,} among {len(kept):,} reference rows."
    return Prepared(State(kept, k, held), {**held.tables, "bank": _table(subject, blocks, finite)}, (note, *held.notes))


def _table(subject: Subject, blocks: Sequence[RowBlock], kept: NDArray[np.bool_]) -> Table:
    """Positions, labels and raw inputs of the bank's rows; positions alone for images, series and where there would be too many values."""
    columns: dict[str, NDArray[Any]] = {"position": np.concatenate([rows.positions for rows in blocks])[kept]}
    schema = subject.facts.schema.columns
    if int(kept.sum()) * len(schema) > LARGEST_TABLE or any(column.kind in ("image", "series") for column in schema):
        return columns
    if subject.facts.label is not None and subject.facts.label in blocks[0].values:
        columns["label"] = np.concatenate([rows.values[subject.facts.label] for rows in blocks])[kept]
    return columns | {f"input.{name}": np.concatenate([rows.values[name] for rows in blocks])[kept] for name in subject.facts.schema.names}


def _features(subject: Subject, rows: RowBlock) -> Floats:
    if not isinstance(subject.model, Embeds):
        raise MethodError("the model gives no embeddings")
    return unit_rows(subject.model.embeddings(subject.encode(rows)))
