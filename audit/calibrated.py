"""Scores of calibration rows, against which every anomaly detector gives evaluated rows their conformal p-values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.data.dataset import Dataset, RowBlock
from audit.errors import MethodError, SubjectError
from audit.methods.anomaly.conformal import conformal_p_values
from audit.probe import Column, Columns, Table
from audit.streams import generator
from audit.subject import Subject

Floats = NDArray[np.float64]
Score = Callable[[RowBlock], Floats]
"""Raw rows to scores (n,), higher for odder rows, NaN where there is none."""
ROWS = 20_000
"""Calibration rows, and reference rows, that are looked at; more are drawn from at random."""
READ = 1024
"""Rows encoded at a time, so that images fit into memory."""
COLUMNS: Mapping[str, Column] = {
    "score": Column("How unusual the row looks to this detector; higher is odder."),
    "p_value": Column("Share of calibration rows that look at least as unusual, the row itself counted.", "proportion"),
}


@dataclass(frozen=True)
class Calibration:
    """Sorted scores (n,) of the calibration rows, and what readers need to know of them."""

    scores: Floats
    notes: tuple[str, ...]

    @property
    def tables(self) -> Mapping[str, Table]:
        """The scores as the table ``calibration``."""
        return {"calibration": {"score": self.scores}}

    def columns(self, scores: Floats) -> Columns:
        """The columns of evaluated rows: their scores (n,), NaN where unknown, and p-values."""
        return {"score": scores, "p_value": conformal_p_values(scores, self.scores)}


def calibrate(subject: Subject, score: Score, *, fitted_on: Dataset | None = None) -> Calibration:
    """Scores of at most `ROWS` calibration rows, drawn from the run's seed.

    Raises MethodError when none of them has a score, or when they are the rows that the detector was fitted on.
    """
    calibration = _declared(subject.calibration, subject, "calibration")
    if fitted_on is not None and fitted_on.digest == calibration.digest:
        raise MethodError("calibration and reference data are the same rows; rows a detector was fitted on look more usual to it than new ones")
    scores = np.concatenate([np.zeros(0), *(score(rows) for rows in drawn(subject, calibration))])
    known = scores[np.isfinite(scores)]
    if not len(known):
        raise MethodError(f"none of the {len(scores)} calibration rows has a score")
    return Calibration(np.sort(known), _notes(len(known), len(scores), calibration.n_rows))


def reference_of(subject: Subject) -> Dataset:
    """The reference data; raises SubjectError when none was declared."""
    return _declared(subject.reference, subject, "reference")


def drawn(subject: Subject, dataset: Dataset, *, size: int = ROWS) -> Iterator[RowBlock]:
    """At most `size` rows drawn without replacement from the run's seed, in order, `READ` at a time; the same for every detector."""
    count = min(size, dataset.n_rows)
    chosen = generator(subject.seed, f"anomaly {dataset.name} {dataset.digest}").permutation(dataset.n_rows)[:count]
    positions = np.sort(chosen).astype(np.int64)
    for start in range(0, count, READ):
        yield dataset.take(positions[start : start + READ])


def _declared(dataset: Dataset | None, subject: Subject, need: str) -> Dataset:
    if dataset is None:
        raise SubjectError(subject.why_not(need))
    return dataset


def _notes(known: int, drawn_rows: int, rows: int) -> tuple[str, ...]:
    notes = [] if drawn_rows == rows else [f"{drawn_rows:,} of {rows:,} calibration rows were drawn."]
    return (*notes, *([] if known == drawn_rows else [f"{drawn_rows - known:,} calibration rows have no score and are left out."]))
