"""Numbers on several labels are those of scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, hamming_loss, precision_score, recall_score, roc_auc_score

from audit.checks.performance.multilabel import multilabel
from tests.audit.checks.planted import labelled

NAMES = ("alarm", "repair", "visit")


def rows_of(folder: Path, *, probable: bool = True):
    generator = np.random.default_rng(8)
    labels = (generator.random((400, 3)) < [0.5, 0.3, 0.1]).astype(int)
    probabilities = np.clip(0.5 * labels + generator.random((400, 3)) * 0.6, 0.01, 0.99)
    decisions = (probabilities >= 0.5).astype(int)
    return labelled(folder, labels=labels, decisions=decisions, classes=NAMES, probabilities=probabilities if probable else None)


def test_all_numbers_are_those_of_scikit_learn(tmp_path: Path) -> None:
    rows = rows_of(tmp_path)
    truth, given, probability = rows.label_matrix, rows.decision_matrix, rows.column("outputs.probability")

    found = {(m.name, m.at.get("label")): m.value for m in multilabel(rows).measurements}

    assert found["exact_match", None] == pytest.approx(accuracy_score(truth, given))
    assert found["hamming_loss", None] == pytest.approx(hamming_loss(truth, given))
    for name, oracle in (("recall", recall_score), ("precision", precision_score), ("f1", f1_score)):
        assert [found[name, label] for label in NAMES] == pytest.approx(oracle(truth, given, average=None))
        assert found[f"macro_{name}", None] == pytest.approx(oracle(truth, given, average="macro"))
        assert found[f"micro_{name}", None] == pytest.approx(oracle(truth, given, average="micro"))
    assert [found["roc_auc", label] for label in NAMES] == pytest.approx(roc_auc_score(truth, probability, average=None))
    assert [found["brier_score", label] for label in NAMES] == pytest.approx([brier_score_loss(truth[:, k], probability[:, k]) for k in range(3)])


def test_decisions_alone_have_no_curve(tmp_path: Path) -> None:
    evidence = multilabel(rows_of(tmp_path, probable=False))

    assert {absent.name for absent in evidence.absent} == {"roc_auc", "brier_score", "log_loss"}
    assert any(m.name == "macro_f1" for m in evidence.measurements)
