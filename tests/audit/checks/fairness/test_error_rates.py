"""`fairness.error_rates` against fairlearn and the faults of other tools."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, false_positive_rate, true_positive_rate

from audit.checks.fairness.error_rates import error_rates
from tests.audit.checks.planted import planted

SEX = ("female", "male")


def one(evidence, name, level):
    return next(m for m in evidence.measurements if m.name == name and m.slice == {"sex": level})


def test_rates_by_group_agree_with_fairlearn(tmp_path):
    generator = np.random.default_rng(0)
    labels, decisions, codes = (generator.integers(0, 2, 600) for _ in range(3))
    frame = MetricFrame(
        metrics={"true_positive_rate": true_positive_rate, "false_positive_rate": false_positive_rate},
        y_true=labels,
        y_pred=decisions,
        sensitive_features=np.array(SEX)[codes],
    )

    evidence = error_rates(planted(tmp_path, labels=labels, decisions=decisions, groups={"sex": (codes, SEX)}))

    for name in frame.by_group:
        for level in SEX:
            assert one(evidence, name, level).value == pytest.approx(frame.by_group[name][level])


def test_a_perfect_classifier_is_perfect_in_a_group_of_900_and_in_one_of_100(tmp_path):
    labels = np.tile([0, 1], 500)
    evidence = error_rates(planted(tmp_path, labels=labels, decisions=labels, groups={"sex": (np.repeat([1, 0], [900, 100]), SEX)}))

    assert one(evidence, "true_positive_rate", "female").value == 1
    assert one(evidence, "true_positive_rate", "male").value == 1
    assert one(evidence, "true_positive_rate_difference", "female").value == 0


def test_a_group_without_positives_has_no_true_positive_rate_and_no_gap(tmp_path):
    labels = np.concatenate([np.zeros(50), np.tile([0, 1], 50)]).astype(int)
    evidence = error_rates(planted(tmp_path, labels=labels, decisions=labels, groups={"sex": (np.repeat([0, 1], [50, 100]), SEX)}))
    gone = {(a.name, a.slice["sex"]): a.reason for a in evidence.absent}

    assert "favourable label" in gone["true_positive_rate", "female"]
    assert "favourable label" in gone["false_negative_rate", "female"]
    assert "favourable label" in gone["true_positive_rate_difference", "female"]
    assert not [m for m in evidence.measurements if m.name.startswith("true_positive_rate") and m.slice["sex"] == "female"]


def test_no_positives_at_all_is_not_parity(tmp_path):
    evidence = error_rates(planted(tmp_path, labels=np.zeros(60, int), decisions=np.zeros(60, int), groups={"sex": (np.arange(60) % 2, SEX)}))

    assert not [m for m in evidence.measurements if m.name in ("true_positive_rate_difference", "positive_predictive_value_difference")]


def test_a_planted_gap_in_true_positive_rates_is_found(tmp_path):
    labels, codes = np.ones(400, int), np.arange(400) % 2
    decisions = np.where(codes == 0, np.arange(400) % 4 < 1, np.arange(400) % 10 < 9).astype(int)

    gap = one(
        error_rates(planted(tmp_path, labels=labels, decisions=decisions, groups={"sex": (codes, SEX)}, references={"sex": "male"})),
        "true_positive_rate_difference",
        "female",
    )

    assert gap.high < -0.2


def test_unknown_labels_are_in_no_denominator(tmp_path):
    labels = np.array([1, 1, -1, 0] * 20)
    evidence = error_rates(planted(tmp_path, labels=labels, decisions=np.ones(80, int), groups={"sex": (np.zeros(80, int), SEX)}))

    assert one(evidence, "accuracy", "female").counts == {"hits": 40, "base": 60}


def test_the_kind_of_label_is_told(tmp_path):
    rows = planted(tmp_path, labels=[1, 0], decisions=[1, 0], groups={"sex": ([0, 1], SEX)}, label_kind="past_decision")

    assert "past decisions" in error_rates(rows).notes[0]


def test_several_classes_without_a_favourable_one_have_accuracy_only(tmp_path):
    labels = np.arange(90) % 3
    rows = planted(
        tmp_path, labels=labels, decisions=labels, task="multiclass", classes=("a", "b", "c"), favourable=(), groups={"sex": (np.arange(90) % 2, SEX)}
    )

    assert {m.name for m in error_rates(rows).measurements} == {"accuracy", "accuracy_difference", "accuracy_ratio"}


@pytest.mark.parametrize("n", [1, 300])
def test_one_row_and_one_row_per_level_are_answered(tmp_path, n):
    rows = planted(tmp_path, labels=np.ones(n, int), decisions=np.ones(n, int), groups={"sex": (np.arange(n), tuple(map(str, range(300))))})

    assert {m.name for m in error_rates(rows).measurements} <= set(error_rates.measures)


def test_ratios_and_complements_agree_with_the_rates_they_are_made_of(tmp_path):
    generator = np.random.default_rng(4)
    labels, decisions, codes = (generator.integers(0, 2, 800) for _ in range(3))
    evidence = error_rates(planted(tmp_path, labels=labels, decisions=decisions, groups={"sex": (codes, SEX)}, references={"sex": "male"}))

    for name in ("true_positive_rate", "false_discovery_rate", "false_omission_rate"):
        ratio = one(evidence, f"{name}_ratio", "female")
        assert ratio.value == pytest.approx(one(evidence, name, "female").value / one(evidence, name, "male").value)
        assert ratio.low < ratio.value < ratio.high
    for rate, complement in (("positive_predictive_value", "false_discovery_rate"), ("negative_predictive_value", "false_omission_rate")):
        assert one(evidence, rate, "male").value + one(evidence, complement, "male").value == pytest.approx(1)
