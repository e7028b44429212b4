"""Columns of a predictions file serve as outputs."""

from __future__ import annotations

import numpy as np
import pytest

from audit.data.batch import Batch
from audit.data.dataset import RowBlock
from audit.errors import DataError, ModelError
from audit.model_config import PredictionsConfig
from audit.models.predictions import PredictionsModel


def batch(**columns: object) -> Batch:
    values = {name: np.asarray(column, dtype=None if isinstance(column, np.ndarray) else object) for name, column in columns.items()}
    return Batch({}, "", RowBlock(np.arange(len(next(iter(values.values())))), values))


def test_a_score_is_one_output() -> None:
    model = PredictionsModel(PredictionsConfig(score="p"), ())

    assert model.columns == ("p",)
    assert model.capabilities == {"outputs"}
    np.testing.assert_array_equal(model.outputs(batch(p=np.array([0.5, np.nan]))), [[0.5], [np.nan]])


def test_probabilities_keep_the_order_declared() -> None:
    model = PredictionsModel(PredictionsConfig(probabilities=("b", "a")), ("x", "y"))

    np.testing.assert_array_equal(model.outputs(batch(a=np.array([0.1]), b=np.array([0.9]))), [[0.9, 0.1]])


def test_decided_classes_become_positions() -> None:
    model = PredictionsModel(PredictionsConfig(decision="d"), ("deny", "grant"))

    np.testing.assert_array_equal(model.outputs(batch(d=["grant", None, "deny"])), [[1], [np.nan], [0]])


def test_numbers_written_as_text_are_read() -> None:
    model = PredictionsModel(PredictionsConfig(score="p"), ())

    np.testing.assert_array_equal(model.outputs(batch(p=["0.25", None])), [[0.25], [np.nan]])


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(ModelError, match=r"model\.classes"):
        PredictionsModel(PredictionsConfig(decision="d"), ())
    with pytest.raises(ModelError, match="3 columns for 2 classes"):
        PredictionsModel(PredictionsConfig(probabilities=("a", "b", "c")), ("x", "y"))
    with pytest.raises(ModelError, match="did you mean 'score'"):
        PredictionsModel(PredictionsConfig(score="scor"), ()).outputs(batch(score=np.array([1.0])))
    with pytest.raises(ModelError, match="'p'"):
        PredictionsModel(PredictionsConfig(score="p"), ()).outputs(batch(p=["high"]))
    with pytest.raises(DataError, match="'maybe'"):
        PredictionsModel(PredictionsConfig(decision="d"), ("no", "yes")).outputs(batch(d=["maybe"]))


def test_the_digest_follows_what_is_read() -> None:
    score, other = PredictionsModel(PredictionsConfig(score="p"), ()), PredictionsModel(PredictionsConfig(score="q"), ())

    assert score.digest != other.digest
    assert score.description == {"door": "predictions", "columns": ["p"]}
