"""`anomaly.detection` on planted scores: by hand, by scikit-learn, and without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, precision_score, recall_score, roc_auc_score

from audit.checks.anomaly.detection import detection
from audit.facts import ThresholdSource
from audit.results import Evidence, Measurement
from tests.audit.checks.planted import planted, write_table

ELSEWHERE = "anomaly.flagged_elsewhere"


def asked(folder: Path, scores: Any, labels: Any = None, *, threshold: float = 1.0, parts: dict[str, Any] | None = None, **changes: Any) -> Evidence:
    scores = np.asarray(scores, dtype=np.float64)
    decisions = np.where(np.isfinite(scores), scores >= threshold, -1)
    rows = planted(
        folder,
        labels=labels,
        decisions=decisions,
        outputs={"score": scores},
        absent={} if parts else {ELSEWHERE: "There are no other rows."},
        task="anomaly",
        output="score",
        favourable=(),
        threshold=threshold,
        **changes,
    )
    if parts:
        write_table(folder, ELSEWHERE, "flagged", parts)
    return detection(rows)


def found(evidence: Evidence, name: str, **at: str) -> Measurement:
    return next(m for m in evidence.measurements if m.name == name and dict(m.at) == at)


def test_numbers_are_those_of_scikit_learn(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    labels = (generator.random(400) < 0.2).astype(int)
    scores = np.round(generator.normal(size=400) + 1.5 * labels, 1)

    evidence = asked(tmp_path, scores, labels)

    flagged = scores >= 1
    assert found(evidence, "roc_auc").value == pytest.approx(roc_auc_score(labels, scores))
    assert found(evidence, "average_precision").value == pytest.approx(average_precision_score(labels, scores))
    assert found(evidence, "recall").value == pytest.approx(recall_score(labels, flagged))
    assert found(evidence, "precision").value == pytest.approx(precision_score(labels, flagged))
    assert found(evidence, "false_alarm_rate").value == pytest.approx(1 - recall_score(1 - labels, ~flagged))
    assert found(evidence, "flagged_share", part="evaluate").value == pytest.approx(flagged.mean())


def test_a_row_without_a_finite_score_is_missed_and_not_flagged(tmp_path: Path) -> None:
    evidence = asked(tmp_path, [np.nan, 2, 0, 3, 0, 0], [1, 1, 0, 0, -1, 0])

    assert found(evidence, "recall").counts == {"hits": 1, "base": 2}
    assert found(evidence, "false_alarm_rate").counts == {"hits": 1, "base": 3}
    assert found(evidence, "precision").counts == {"hits": 1, "base": 2}
    assert found(evidence, "anomalous_share").counts == {"hits": 2, "base": 5}
    assert found(evidence, "flagged_share", part="evaluate").counts == {"flagged": 2, "rows": 6}
    assert any("1 rows have no known label" in note for note in evidence.notes)


def test_without_labels_the_flagged_share_is_held_against_other_rows(tmp_path: Path) -> None:
    parts = {"part": ["reference", "calibration"], "rows": [200, 100], "flagged": [10, 9]}

    evidence = asked(tmp_path, np.repeat([0.0, 2.0], [70, 30]), parts=parts)

    gap = found(evidence, "flagged_share_difference", part="reference")
    one, two = (binomtest(hits, rows).proportion_ci(method="wilson") for hits, rows in ((30, 100), (10, 200)))
    low, high = 0.25 - np.hypot(0.3 - one.low, two.high - 0.05), 0.25 + np.hypot(one.high - 0.3, 0.05 - two.low)
    assert (gap.value, gap.low, gap.high) == pytest.approx((0.25, low, high))
    assert found(evidence, "flagged_share", part="calibration").counts == {"flagged": 9, "rows": 100}
    assert {item.name for item in evidence.absent} == {"roc_auc", "average_precision", "recall", "false_alarm_rate", "precision", "anomalous_share"}


def test_what_cannot_exist_is_absent_with_its_reason(tmp_path: Path) -> None:
    evidence = asked(tmp_path, [0.0, 0.1, 0.2], [0, 0, 0])

    reasons = {item.name: item.reason for item in evidence.absent}
    assert reasons["recall"] == "No row is labelled anomalous."
    assert reasons["precision"] == "No row with a known label is flagged."
    assert "both classes" in reasons["roc_auc"]
    assert found(evidence, "false_alarm_rate").value == 0


def test_notes_say_where_the_threshold_comes_from_and_how_scores_are_read(tmp_path: Path) -> None:
    taken = asked(tmp_path / "one", [0.0, 2.0], threshold_source=ThresholdSource(0.9, 99))
    low = asked(tmp_path / "two", [0.0, 2.0], flag="low")

    # 99 rows at 0.9: the share flagged is Beta(10, 90), whose central 95 % are 0.0495 to 0.1656.
    assert any("0.9 quantile of 99 ordinary calibration rows" in note and "between 4.95% and 16.56%" in note for note in taken.notes)
    assert any("negatives" in note for note in low.notes)


def test_intervals_of_weighted_clustered_rows_are_wider(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    labels = (generator.random(200) < 0.3).astype(int)
    scores = generator.normal(size=200) + labels

    plain, clustered = asked(tmp_path / "a", scores, labels), asked(tmp_path / "b", scores, labels, clusters=np.arange(200) // 10)

    for name in ("roc_auc", "average_precision", "recall"):
        one, two = found(plain, name), found(clustered, name)
        assert one.value == pytest.approx(two.value)
    assert found(clustered, "average_precision").low < found(plain, "average_precision").low  # type: ignore[operator]
