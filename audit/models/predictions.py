"""Predictions without a network: columns of the evaluation file. Loads no torch."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.config import PredictionsConfig
from audit.data.batch import Batch
from audit.data.groups import label_codes
from audit.errors import ModelError


class PredictionsModel:
    """Answers with what was predicted elsewhere; has outputs and nothing else."""

    def __init__(self, columns: PredictionsConfig, classes: tuple[str, ...]) -> None:
        self._config = columns
        self._classes = classes or ("0", "1")

    @property
    def capabilities(self) -> frozenset[str]:
        """Outputs only."""
        return frozenset({"outputs"})

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the evaluation file that hold the predictions."""
        config = self._config
        return tuple(name for name in (config.score, config.decision, *config.probabilities) if name)

    @property
    def digest(self) -> str:
        """sha256 of the columns' names and parts; the values are part of the data's digest."""
        return hashlib.sha256(repr((self._config.score, self._config.decision, self._config.probabilities, self._classes)).encode()).hexdigest()

    @property
    def description(self) -> dict[str, Any]:
        """Door and columns, as plain data."""
        return {"door": "predictions", "columns": list(self.columns)}

    def outputs(self, batch: Batch) -> NDArray[np.float64]:
        """Scores (n, 1), probabilities (n, k) or positions of decided classes (n, 1); raises ModelError for text where numbers belong."""
        values = batch.raw.values
        if self._config.decision is not None:
            codes = label_codes(values[self._config.decision], self._classes, self._config.decision).astype(np.float64)
            return np.where(codes < 0, np.nan, codes)[:, None]
        return np.stack([self._numbers(values[name], name) for name in self.columns], axis=1)

    def _numbers(self, values: NDArray[Any], name: str) -> NDArray[np.float64]:
        if values.dtype == object:
            example = next((value for value in values if value is not None), None)
            raise ModelError(f"prediction column {name!r} holds text such as {example!r}; expected numbers")
        return values.astype(np.float64)
