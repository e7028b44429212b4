"""The probe `anomaly.flagged_elsewhere`: how many reference and calibration rows an anomaly detector flags, beside the evaluated ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from audit.calibrated import drawn
from audit.data.dataset import Dataset
from audit.decide import decide
from audit.errors import MethodError
from audit.probe import Block, Columns, Prepared, probe
from audit.subject import Subject


@probe(columns={}, scope="subject", needs={"inputs"}, tasks={"anomaly"})
def flagged_elsewhere(block: Block, state: Any) -> Columns:  # noqa: ARG001  all is done in prepare
    """Asks the network about reference and calibration rows, some of them where there are many, and counts those that it flags."""
    return {}


@flagged_elsewhere.prepare
def prepare(subject: Subject) -> Prepared:
    """Count rows with a decision and flagged rows of each part; raises MethodError where there is no other part."""
    parts = {name: part for name, part in (("reference", subject.reference), ("calibration", subject.calibration)) if part is not None}
    if not parts:
        raise MethodError("neither reference nor calibration data was declared, so there are no other rows to compare with")
    counts = [_counts(subject, part) for part in parts.values()]
    table = {"part": list(parts), "rows": [rows for rows, _ in counts], "flagged": [flagged for _, flagged in counts]}
    return Prepared(tables={"flagged": table})


def _counts(subject: Subject, part: Dataset) -> tuple[int, int]:
    found = [decide(subject.model.outputs(subject.encode(rows)), subject.facts).decision for rows in drawn(subject, part)]
    decisions = np.concatenate([np.zeros(0, dtype=np.int32), *(one for one in found if one is not None)])
    return int((decisions >= 0).sum()), int((decisions == 1).sum())
