"""The threshold of an anomaly score, taken from calibration rows where a quantile was declared instead of a number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from audit.data.dataset import Dataset
from audit.data.encoding import Encoder
from audit.data.groups import label_codes
from audit.decide import decide
from audit.declared_outputs import check_meaning
from audit.errors import DataError, SubjectError
from audit.facts import Facts, ThresholdSource
from audit.methods.anomaly.conformal import threshold_at
from audit.models.model import Model

READ = 4096
"""Calibration rows encoded at a time."""


def with_threshold(facts: Facts, *, quantile: float, model: Model, calibration: Dataset, encoder: Encoder) -> Facts:
    """`facts` with the threshold below which `quantile` of the ordinary calibration rows lie; rows labelled anomalous are left out.

    Raises DataError when too few rows have a score, ModelError when the outputs contradict what was declared.
    """
    undecided = replace(facts, threshold=0.5)
    scores = np.concatenate([np.zeros(0), *_scores(undecided, model, calibration, encoder)])
    known = scores[np.isfinite(scores)]
    threshold = threshold_at(known, quantile)
    if threshold is None:
        raise DataError(
            f"data.calibration has {len(known):,} ordinary rows with a score; decision.quantile = {quantile:g} needs at least "
            f"{_needed(quantile):,}: declare a lower quantile, or a threshold"
        )
    return replace(facts, threshold=threshold, threshold_source=ThresholdSource(quantile, len(known)))


def refuse_known_rows(calibration: Dataset | None, reference: Dataset | None, evaluate: Dataset) -> Dataset:
    """The calibration rows; raises SubjectError when there are none, or when they are rows of another part."""
    if calibration is None:
        raise SubjectError("decision.quantile takes the threshold from data.calibration, which is missing")
    for name, other in (("reference", reference), ("evaluate", evaluate)):
        if other is not None and other.digest == calibration.digest:
            raise SubjectError(f"data.calibration and data.{name} are the same rows; decision.quantile needs rows kept apart")
    return calibration


def _scores(facts: Facts, model: Model, calibration: Dataset, encoder: Encoder) -> Iterator[NDArray[np.float64]]:
    for rows in calibration.blocks(READ):
        outputs = model.outputs(encoder.encode(rows))
        check_meaning(outputs, facts)
        scores = decide(outputs, facts).score
        if scores is None:
            raise SubjectError(f"output {facts.output!r} has no score that decision.quantile could be taken of; declare decision.threshold")
        held = rows.values.get(facts.label) if facts.label is not None else None
        anomalous = np.zeros(len(scores), dtype=np.bool_) if held is None else label_codes(held, facts.classes, str(facts.label)) == 1
        yield scores[~anomalous]


def _needed(quantile: float) -> int:
    """Fewest rows that `threshold_at` finds a threshold among."""
    rows = max(1, int(quantile / (1 - quantile)) - 1)
    while threshold_at(np.zeros(rows), quantile) is None:
        rows += 1
    return rows
