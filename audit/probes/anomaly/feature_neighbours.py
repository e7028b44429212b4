"""The probe `anomaly.feature_neighbours`: rows that the network represents unlike any it knows from the reference data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from audit.calibrated import COLUMNS, Calibration, Floats, calibrate, drawn, reference_of
from audit.data.batch import Batch
from audit.data.dataset import RowBlock
from audit.errors import MethodError
from audit.methods.anomaly.neighbours import neighbour_count, neighbour_distance, unit_rows
from audit.probe import Block, Columns, Prepared, probe
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


@probe(columns=COLUMNS, needs={"calibration", "reference", "inputs", "embeddings"}, block=8192)
def feature_neighbours(block: Block, state: State, *, neighbours: int = 50, bank: int = 10_000) -> Columns:  # noqa: ARG001  read by prepare
    """Scores each row by the distance of its features to the k-th nearest of `bank` reference rows.

    Features are what the last linear layer receives, scaled to length 1; k is `neighbours`, at most one in a hundred of the bank. Rows whose
    features are not finite get NaN.
    """
    return state.calibration.columns(neighbour_distance(_features(block.subject, block.rows), state.bank, k=state.k))


@feature_neighbours.prepare
def prepare(subject: Subject, *, neighbours: int = 50, bank: int = 10_000) -> Prepared:
    """Keep the features of reference rows, and score the calibration rows against them."""
    if bank < 1 or neighbours < 1:
        raise MethodError(f"bank and neighbours must be at least 1; found {bank} and {neighbours}")
    reference = reference_of(subject)
    features = np.concatenate([_features(subject, rows) for rows in drawn(subject, reference, size=bank)])
    kept = features[np.isfinite(features).all(axis=1)]
    if not len(kept):
        raise MethodError(f"the features of none of {len(features)} reference rows are finite")
    k = neighbour_count(len(kept), neighbours=neighbours)
    held = calibrate(subject, lambda rows: neighbour_distance(_features(subject, rows), kept, k=k), fitted_on=reference)
    note = f"Distances are to neighbour {k:,} among {len(kept):,} reference rows."
    return Prepared(State(kept, k, held), held.tables, (note, *held.notes))


def _features(subject: Subject, rows: RowBlock) -> Floats:
    if not isinstance(subject.model, Embeds):
        raise MethodError("the model gives no embeddings")
    return unit_rows(subject.model.embeddings(subject.encode(rows)))
