"""`performance.classification` and `performance.regression` on planted rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from audit.checks.performance.classification import classification
from audit.checks.performance.regression import regression
from tests.audit.checks.planted import planted

GENERATOR = np.random.default_rng(0)
LABELS = GENERATOR.integers(0, 2, 300)
SCORES = np.clip(0.5 + 0.3 * (LABELS - 0.5) + GENERATOR.normal(0, 0.2, 300), 0.02, 0.98)


def values(evidence):
    return {m.name: m.value for m in evidence.measurements if not m.at}


def test_binary_measures_agree_with_sklearn(tmp_path):
    found = values(classification(planted(tmp_path, labels=LABELS, scores=SCORES)))

    assert found == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(LABELS, SCORES >= 0.5),
            "balanced_accuracy": metrics.balanced_accuracy_score(LABELS, SCORES >= 0.5),
            "roc_auc": metrics.roc_auc_score(LABELS, SCORES),
            "log_loss": metrics.log_loss(LABELS, SCORES),
            "brier_score": metrics.brier_score_loss(LABELS, SCORES),
        }
    )


def test_a_degraded_network_is_less_accurate_beyond_doubt(tmp_path):
    good = classification(planted(tmp_path / "a", labels=LABELS, scores=SCORES)).measurements[0]
    bad = classification(planted(tmp_path / "b", labels=LABELS, scores=GENERATOR.random(300))).measurements[0]

    assert bad.high < good.low


def test_decisions_alone_leave_score_measures_absent(tmp_path):
    evidence = classification(planted(tmp_path, labels=LABELS, decisions=SCORES >= 0.5))

    assert {a.name for a in evidence.absent} == {"roc_auc", "log_loss", "brier_score"}


def test_recall_of_each_class_and_of_an_absent_one(tmp_path):
    labels, decisions = np.array([0, 0, 1, 1] * 10), np.array([0, 1, 1, 1] * 10)
    rows = planted(tmp_path, labels=labels, decisions=decisions, task="multiclass", classes=("a", "b", "c"), favourable=())
    evidence = classification(rows)

    assert {m.at["class"]: m.value for m in evidence.measurements if m.name == "recall"} == {"a": 0.5, "b": 1.0}
    assert [a.at["class"] for a in evidence.absent if a.name == "recall"] == ["c"]


def test_rows_without_a_decision_count_as_wrong(tmp_path):
    scores = SCORES.copy()
    scores[:30] = np.nan

    found = values(classification(planted(tmp_path, labels=LABELS, scores=scores)))

    assert found["accuracy"] == pytest.approx(((scores >= 0.5) == LABELS)[30:].sum() / 300)


@pytest.mark.parametrize("labels", [[1], [-1], [1] * 40])
def test_one_row_and_one_class_are_answered(tmp_path, labels):
    evidence = classification(planted(tmp_path, labels=labels, scores=np.linspace(0.2, 0.8, len(labels))))

    assert "roc_auc" in {a.name for a in evidence.absent}


def test_regression_measures_agree_with_sklearn(tmp_path):
    labels = GENERATOR.normal(5, 2, 200)
    scores = labels + GENERATOR.normal(0.3, 1, 200)
    labels[:3] = np.nan
    rows = planted(tmp_path, labels=labels, scores=scores, task="regression", classes=(), favourable=(), label_unit="EUR")

    evidence = regression(rows)

    kept = (labels[3:], scores[3:])
    assert values(evidence) == pytest.approx(
        {
            "mean_absolute_error": metrics.mean_absolute_error(*kept),
            "root_mean_squared_error": metrics.root_mean_squared_error(*kept),
            "r_squared": metrics.r2_score(*kept),
            "mean_error": np.mean(kept[1] - kept[0]),
        }
    )
    assert {m.unit for m in evidence.measurements} == {"EUR", "proportion"}
    assert sum(evidence.charts[0].series["rows"]) == 197


def test_one_regression_row_is_answered(tmp_path):
    evidence = regression(planted(tmp_path, labels=[1.0], scores=[2.0], task="regression", classes=(), favourable=()))

    assert len(evidence.absent) == 4
