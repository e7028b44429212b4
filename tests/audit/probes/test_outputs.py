"""The probe `outputs` measures the columns it declares, and only those that have a meaning."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from audit.data.batch import Batch
from audit.data.dataset import RowBlock, Schema
from audit.errors import ModelError
from audit.facts import Facts
from audit.probe import Block
from audit.probes.outputs import outputs

FACTS = Facts(
    task="binary",
    output="logits",
    classes=("no", "yes"),
    favourable=(),
    threshold=0.5,
    label="y",
    label_kind="outcome",
    groups=(),
    schema=Schema(columns=()),
)
ALWAYS = {"output", "score", "decision", "finite"}


def subject(facts: Facts, answers: np.ndarray, labels: np.ndarray) -> Any:
    def take(positions: np.ndarray) -> RowBlock:
        return RowBlock(positions, {"y": labels[positions]})

    def answer(batch: Batch) -> np.ndarray:
        return answers[batch.raw.positions]

    return SimpleNamespace(
        facts=facts,
        model=SimpleNamespace(outputs=answer),
        evaluate=SimpleNamespace(take=take, n_rows=len(answers)),
        encode=lambda rows: Batch({}, "", rows),
    )


def measured(facts: Facts, answers: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    made = subject(facts, answers, labels)
    block = Block(made, made.evaluate.take(np.arange(len(answers))), {}, seed=1, purpose="outputs")
    return dict(outputs.measure(block, outputs.prepared(made, {}).state, {}))


def test_its_id_is_its_path() -> None:
    assert outputs.id == "outputs"
    assert outputs.sample is None


def test_a_binary_network_with_labels_fills_all_columns_but_error() -> None:
    z = np.array([[-1.0], [2.0], [0.5]])

    columns = measured(FACTS, z, np.array(["no", "no", None], dtype=object))

    assert set(columns) == ALWAYS | {"probability", "correct", "loss", "margin"}
    np.testing.assert_allclose(columns["score"], expit(z[:, 0]))
    assert columns["decision"].tolist() == [0, 1, 1]
    assert columns["correct"].tolist() == [1, 0, -1]
    assert columns["correct"].dtype == columns["finite"].dtype == np.int8


def test_without_labels_nothing_is_held_against_them() -> None:
    columns = measured(dataclasses.replace(FACTS, label=None), np.array([[1.0]]), np.array(["no"], dtype=object))

    assert set(columns) == ALWAYS | {"probability"}


def test_a_regression_fills_error_and_squared_loss() -> None:
    facts = dataclasses.replace(FACTS, task="regression", output="quantity", classes=(), threshold=None)

    columns = measured(facts, np.array([[1.0], [2.0]]), np.array([3.0, np.nan]))

    assert set(columns) == {"output", "score", "finite", "loss", "error"}
    np.testing.assert_array_equal(columns["error"], [-2, np.nan])


def test_outputs_that_are_never_finite_are_told_before_measuring() -> None:
    with pytest.raises(ModelError, match="finite"):
        outputs.prepared(subject(FACTS, np.full((4, 1), np.nan), np.array([None] * 4, dtype=object)), {})


def test_logits_that_look_like_probabilities_leave_a_note() -> None:
    prepared = outputs.prepared(subject(FACTS, np.array([[0.2], [0.9]]), np.array([None] * 2, dtype=object)), {})

    assert "declared logits" in prepared.notes[0]


def test_measuring_predictions_loads_no_network_library() -> None:
    code = "import audit.probes.outputs, audit.models.predictions, sys; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
