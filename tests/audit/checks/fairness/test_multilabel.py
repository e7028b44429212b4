"""The check asks every label of every group, and keeps silent where there is nothing to count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, selection_rate, true_positive_rate

from audit.checks.fairness.multilabel import multilabel
from audit.results import Evidence
from tests.audit.checks.planted import labelled

NAMES = ("alarm", "repair")


def found(evidence: Evidence, name: str, **where: str) -> float:
    wanted = [m for m in evidence.measurements if m.name == name and all({**m.slice, **m.at}.get(k) == v for k, v in where.items())]
    assert len(wanted) == 1, (name, where, len(wanted))
    return wanted[0].value


def planted_rows(folder: Path, **changes: object):
    generator = np.random.default_rng(3)
    labels = (generator.random((600, 2)) < 0.4).astype(int)
    codes = generator.integers(0, 2, 600)
    right = np.where(codes[:, None] == 1, [0.9, 0.55], [0.9, 0.9])
    decisions = np.where(generator.random((600, 2)) < right, labels, 1 - labels)
    groups = {"area": (codes, ["north", "south"])}
    return labelled(folder, **({"labels": labels, "decisions": decisions, "classes": NAMES, "groups": groups} | changes))  # type: ignore[arg-type]


def test_rates_of_each_label_are_those_of_fairlearn(tmp_path: Path) -> None:
    rows = planted_rows(tmp_path)

    evidence = multilabel(rows)

    area = np.array(["north", "south"])[rows.group("area").codes]
    for place, label in enumerate(NAMES):
        metrics = {"decision_rate": selection_rate, "true_positive_rate": true_positive_rate}
        frame = MetricFrame(metrics=metrics, y_true=rows.label_matrix[:, place], y_pred=rows.decision_matrix[:, place], sensitive_features=area)
        for name in metrics:
            for level in ("north", "south"):
                assert found(evidence, name, area=level, label=label) == pytest.approx(frame.by_group.loc[level, name])


def test_the_label_that_is_bad_in_one_group_stands_out(tmp_path: Path) -> None:
    evidence = multilabel(planted_rows(tmp_path))

    gaps = {m.at["label"]: m for m in evidence.measurements if m.name == "true_positive_rate_difference"}
    assert sum(m.high is not None and m.high < 0 for m in gaps.values()) == 1
    assert min(gaps, key=lambda label: gaps[label].value) == "repair"
    largest = next(m for m in evidence.measurements if m.name == "largest_true_positive_rate_gap")
    assert largest.low is not None
    assert largest.low > 0.1
    assert {chart.kind for chart in evidence.charts} == {"heat_map", "bar"}


def test_without_labels_only_decisions_are_compared(tmp_path: Path) -> None:
    evidence = multilabel(planted_rows(tmp_path, labels=None))

    assert {m.name.removeprefix("macro_").removeprefix("largest_") for m in evidence.measurements} == {
        "decision_rate", "decision_rate_difference", "decision_rate_gap",
    }  # fmt: skip
    assert [absent.name for absent in evidence.absent] == ["exact_match"]


def test_a_label_nobody_carries_is_absent_with_its_reason(tmp_path: Path) -> None:
    labels = np.zeros((60, 2), dtype=int)
    labels[:30, 0] = 1

    evidence = multilabel(planted_rows(tmp_path, labels=labels, decisions=labels, groups={"area": (np.arange(60) % 2, ["north", "south"])}))

    reasons = {absent.reason for absent in evidence.absent if absent.name == "true_positive_rate"}
    assert reasons == {"There are no rows with this label."}
    assert not any(m.name == "true_positive_rate" and m.at["label"] == "repair" for m in evidence.measurements)


def test_rows_without_a_decision_count_as_not_recognised(tmp_path: Path) -> None:
    labels = np.ones((40, 2), dtype=int)
    decisions = np.ones((40, 2), dtype=int)
    decisions[:10] = -1

    evidence = multilabel(planted_rows(tmp_path, labels=labels, decisions=decisions, groups={"area": (np.zeros(40, int), ["north"])}))

    assert found(evidence, "true_positive_rate", label="alarm") == pytest.approx(0.75)
    assert found(evidence, "decision_rate", label="alarm") == 1
    assert any("10 rows have no decision" in note for note in evidence.notes)


@pytest.mark.parametrize("design", [{"weights": np.linspace(1, 3, 600)}, {"clusters": np.arange(600) // 4}])
def test_weights_and_clusters_are_honoured(tmp_path: Path, design: dict[str, np.ndarray]) -> None:
    plain, held = multilabel(planted_rows(tmp_path / "plain")), multilabel(planted_rows(tmp_path / "held", **design))

    def widths(evidence: Evidence) -> list[float]:
        return [m.high - m.low for m in evidence.measurements if m.name.startswith("macro_true") and m.high is not None and m.low is not None]

    assert widths(plain) != widths(held)
    assert held.notes != plain.notes
