"""`PredictionsModel`: a file that already holds the outputs of a network serves as the model. No network library is loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.batch import Batch
from audit.data.groups import label_codes
from audit.errors import ModelError, nearest
from audit.model_config import PredictionsConfig
from audit.models.readings import Reading


class PredictionsModel:
    """Answers with the columns of the evaluation file that hold scores, probabilities per class, or decided classes."""

    def __init__(self, predictions: PredictionsConfig, classes: Sequence[str], *, reading: Reading | None = None) -> None:
        if predictions.decision is not None and not classes:
            raise ModelError(f"model.classes is missing: the classes decided in column {predictions.decision!r} need an order")
        if predictions.probabilities and classes and len(predictions.probabilities) not in {len(classes), 1}:
            raise ModelError(f"predictions.probabilities names {len(predictions.probabilities)} columns for {len(classes)} classes")
        self._predictions = predictions
        self._classes = tuple(classes)
        self._reading = reading

    @property
    def capabilities(self) -> frozenset[str]:
        """Outputs only."""
        return frozenset({"outputs"})

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the evaluation file that are read, in the order of the outputs."""
        return self._predictions.columns

    @property
    def digest(self) -> str:
        """sha256 of what is read as what; the values are part of the data's digest."""
        return hashlib.sha256(json.dumps([self._predictions.model_dump(mode="json"), self._classes]).encode()).hexdigest()

    @property
    def description(self) -> dict[str, Any]:
        """That there is no network, and which columns stand in for it."""
        return {"door": "predictions", "columns": list(self.columns)} | ({"reading": self._reading.words} if self._reading else {})

    def outputs(self, batch: Batch) -> NDArray[np.float64]:
        """The columns as (n, k); for a decision (n, 1) the position of the decided class; NaN where a value is missing.

        Raises ModelError for a column that is absent, holds text instead of numbers, or names an unknown class.
        """
        columns = [self._numbers(batch, name) for name in self.columns]
        found = np.stack(columns, axis=1)
        return found if self._reading is None else np.asarray(self._reading.of(found, found))

    def _numbers(self, batch: Batch, name: str) -> NDArray[np.float64]:
        if name not in batch.raw.values:
            raise ModelError(f"predictions name column {name!r}, which was not read: {nearest(name, batch.raw.values)}")
        values = batch.raw.values[name]
        if name == self._predictions.decision:
            codes = label_codes(values, self._classes, name).astype(np.float64)
            return np.where(codes < 0, np.nan, codes)
        return _as_numbers(values, name)


def _as_numbers(values: NDArray[Any], name: str) -> NDArray[np.float64]:
    if values.dtype.kind in "fiub":
        return values.astype(np.float64)
    try:
        return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ModelError(f"column {name!r} holds predictions, but a value is no number: {error}") from error
