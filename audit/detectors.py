"""The anomaly detectors of a run as checks read them: their scores and p-values, or why there are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.row_design import RowDesign, row_design
from audit.rows import Rows

DETECTORS = ("anomaly.energy", "anomaly.max_softmax", "anomaly.feature_neighbours", "anomaly.isolation_forest")
"""Probes that leave a `score`, a `p_value` and a table ``calibration``."""


@dataclass(frozen=True)
class Detector:
    """What one detector says of the rows that it measured and gave a score, (n,) each."""

    name: str
    rows: Rows
    """All rows it measured, with a score or without."""
    known: NDArray[np.bool_]
    """Rows of `rows` with a score."""
    scores: NDArray[np.float64]
    p_values: NDArray[np.float64]
    calibration: NDArray[np.float64]
    """Sorted scores of the calibration rows."""

    @property
    def design(self) -> RowDesign:
        """The design of the rows with a score."""
        return row_design(self.rows).of(self.known)

    @property
    def unknown(self) -> int:
        """Rows without a score."""
        return int((~self.known).sum())


def detectors(rows: Rows) -> tuple[list[Detector], Mapping[str, str]]:
    """Those that were measured, and for the others the reason by name."""
    measured = [_detector(rows, probe) for probe in DETECTORS if rows.has(f"{probe}.p_value")]
    return measured, {_name(probe): rows.why_absent(probe) for probe in DETECTORS if not rows.has(f"{probe}.p_value")}


def _detector(rows: Rows, probe: str) -> Detector:
    held = rows.within(probe)
    scores, p_values = held.column(f"{probe}.score"), held.column(f"{probe}.p_value")
    known = np.isfinite(p_values)
    calibration = rows.table(probe, "calibration")["score"].astype(np.float64)
    return Detector(_name(probe), held, known, scores[known], p_values[known], calibration)


def _name(probe: str) -> str:
    return probe.rpartition(".")[2]
