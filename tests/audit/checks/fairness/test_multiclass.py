"""`fairness.multiclass` against fairlearn, sklearn, scipy and counts by hand."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame
from sklearn.metrics import balanced_accuracy_score, multilabel_confusion_matrix, precision_score, recall_score

from audit.checks.fairness.multiclass import multiclass
from tests.audit.checks.planted import planted

SEX = ("female", "male")
CLASSES = ("a", "b", "c")


def rows(folder, labels, decisions, codes, *, levels=SEX, **further):
    described = {"task": "multiclass", "classes": CLASSES, "favourable": (), "threshold": None} | further
    return planted(folder, labels=labels, decisions=decisions, groups={"sex": (codes, levels)}, **described)


def one(evidence, name, level="female", of=None):
    at = {} if of is None else {"class": of}
    return next(m for m in evidence.measurements if m.name == name and m.slice == {"sex": level} and dict(m.at) == at)


def missing(evidence, name, level="female", of=None):
    at = {} if of is None else {"class": of}
    return next(item for item in evidence.absent if item.name == name and item.slice == {"sex": level} and dict(item.at) == at)


@pytest.fixture
def drawn():
    generator = np.random.default_rng(0)
    labels, codes = generator.integers(0, 3, 900), generator.integers(0, 2, 900)
    wrong = generator.random(900) < 0.2 + 0.2 * (codes == 0)
    return labels, np.where(wrong, generator.integers(0, 3, 900), labels), codes


def test_rates_of_each_class_against_the_rest_agree_with_sklearn(tmp_path, drawn):
    labels, decisions, codes = drawn

    evidence = multiclass(rows(tmp_path, labels, decisions, codes, references={"sex": "male"}))

    for code, level in enumerate(SEX):
        mine = codes == code
        tables = multilabel_confusion_matrix(labels[mine], decisions[mine])
        for position, name in enumerate(CLASSES):
            (tn, fp), (fn, tp) = tables[position]
            assert one(evidence, "true_positive_rate", level, name).value == pytest.approx(tp / (tp + fn))
            assert one(evidence, "false_positive_rate", level, name).value == pytest.approx(fp / (fp + tn))
            assert one(evidence, "positive_predictive_value", level, name).counts == {"hits": tp, "base": tp + fp}
            assert one(evidence, "decision_rate", level, name).value == pytest.approx(np.mean(decisions[mine] == position))
        assert one(evidence, "balanced_accuracy", level).value == pytest.approx(balanced_accuracy_score(labels[mine], decisions[mine]))


def test_macro_gaps_agree_with_fairlearn(tmp_path, drawn):
    labels, decisions, codes = drawn
    metrics = {
        f"{rate} {c}": lambda y, p, sample_weight=None, c=c, score=score: score(y, p, labels=[c], average="macro", sample_weight=sample_weight)
        for rate, score in (("recall", recall_score), ("precision", precision_score))
        for c in range(3)
    }
    frame = MetricFrame(metrics=metrics, y_true=labels, y_pred=decisions, sensitive_features=np.array(SEX)[codes]).by_group
    apart = (frame.loc["female"] - frame.loc["male"]).abs()

    evidence = multiclass(rows(tmp_path, labels, decisions, codes, references={"sex": "male"}))

    assert one(evidence, "macro_true_positive_rate_gap").value == pytest.approx(apart[[f"recall {c}" for c in range(3)]].mean())
    assert one(evidence, "macro_positive_predictive_value_gap").value == pytest.approx(apart[[f"precision {c}" for c in range(3)]].mean())
    assert "multinomial resamples" in one(evidence, "macro_true_positive_rate_gap").method


def test_weighted_rates_agree_with_sklearn(tmp_path, drawn):
    labels, decisions, codes = drawn
    weights = np.random.default_rng(1).uniform(0.5, 3, len(labels))
    his = codes == 1

    evidence = multiclass(rows(tmp_path, labels, decisions, codes, weights=weights))

    tables = multilabel_confusion_matrix(labels[his], decisions[his], sample_weight=weights[his])
    for position, name in enumerate(CLASSES):
        (tn, fp), (fn, tp) = tables[position]
        assert one(evidence, "true_positive_rate", "male", name).value == pytest.approx(tp / (tp + fn))
        assert one(evidence, "false_positive_rate", "male", name).value == pytest.approx(fp / (fp + tn))
        assert one(evidence, "positive_predictive_value", "male", name).value == pytest.approx(tp / (tp + fp))
    assert one(evidence, "balanced_accuracy", "male").value == pytest.approx(
        balanced_accuracy_score(labels[his], decisions[his], sample_weight=weights[his])
    )


def test_a_perfect_classifier_has_a_true_positive_rate_of_one_in_a_group_of_900_and_in_one_of_100(tmp_path):
    """AI Verify divides by everybody and finds 0.9 and 0.1."""
    labels = np.arange(1000) % 3
    evidence = multiclass(rows(tmp_path, labels, labels, np.repeat([1, 0], [900, 100])))

    for level in SEX:
        assert [one(evidence, "true_positive_rate", level, name).value for name in CLASSES] == [1.0, 1.0, 1.0]
        assert [one(evidence, "false_positive_rate", level, name).value for name in CLASSES] == [0.0, 0.0, 0.0]
        assert one(evidence, "balanced_accuracy", level).value == pytest.approx(1.0)
        assert one(evidence, "balanced_accuracy", level).low < 1.0
    gap = one(evidence, "macro_true_positive_rate_gap")
    assert (gap.value, gap.low) == (0.0, 0.0)
    assert 0 < gap.high < 0.2


def test_groups_given_no_common_class_lie_a_total_variation_of_one_apart(tmp_path):
    codes = np.arange(400) % 2
    evidence = multiclass(rows(tmp_path, None, np.where(codes == 0, np.arange(400) % 4 // 2, 2), codes, references={"sex": "male"}))

    apart = one(evidence, "total_variation")
    assert apart.value == pytest.approx(1.0)
    assert apart.low > 0.8
    assert one(evidence, "total_variation_by_chance").value < 0.1
    assert {m.name for m in evidence.measurements} == {
        "decision_rate", "decision_rate_difference", "total_variation", "total_variation_by_chance"
    }  # fmt: skip
    assert "No label column" in evidence.absent[-1].reason


def test_groups_decided_alike_have_distances_and_gaps_that_include_zero(tmp_path):
    generator = np.random.default_rng(5)
    labels, decisions, codes = generator.integers(0, 3, 600), generator.integers(0, 3, 600), np.arange(600) % 2

    evidence = multiclass(rows(tmp_path, labels, decisions, codes))

    for name in ("total_variation", "macro_true_positive_rate_gap", "macro_false_positive_rate_gap", "macro_positive_predictive_value_gap"):
        found = one(evidence, name, "male")
        assert found.value > 0
        assert found.low == 0.0
    assert one(evidence, "total_variation_by_chance", "male").value == pytest.approx(0.04, abs=0.02)


def test_a_class_without_rows_in_a_group_has_no_rate_there_and_no_mean(tmp_path):
    codes = np.arange(120) % 2
    labels = np.where(codes == 0, np.arange(120) // 2 % 2, np.arange(120) // 2 % 3)  # no woman has the label c

    evidence = multiclass(rows(tmp_path, labels, labels, codes))

    assert "no rows with this label" in missing(evidence, "true_positive_rate", "female", "c").reason
    assert "1 of 3 classes" in missing(evidence, "balanced_accuracy").reason
    assert "1 of 3 classes" in missing(evidence, "macro_true_positive_rate_gap", "male").reason


def test_a_row_without_a_decision_is_in_no_decision_rate_and_counts_as_not_recognised(tmp_path):
    decisions = np.tile([0, 1, 2, -1], 30)
    labels = np.tile([0, 1, 2, 2], 30)

    evidence = multiclass(rows(tmp_path, labels, decisions, np.zeros(120, int)))

    assert one(evidence, "decision_rate", of="c").counts == {"hits": 30, "base": 90}
    assert one(evidence, "true_positive_rate", of="c").counts == {"hits": 30, "base": 60}
    assert one(evidence, "positive_predictive_value", of="c").value == 1.0
    assert any("30 rows have no decision" in note for note in evidence.notes)


def test_unknown_labels_are_in_no_denominator(tmp_path):
    labels = np.tile([0, 1, 2, -1], 30)
    evidence = multiclass(rows(tmp_path, labels, np.tile([0, 1, 2, 2], 30), np.zeros(120, int)))

    assert one(evidence, "positive_predictive_value", of="c").counts == {"hits": 30, "base": 30}


def test_clusters_are_drawn_whole(tmp_path, drawn):
    labels, decisions, codes = (np.repeat(values, 4) for values in drawn)
    homes = np.repeat(np.arange(900), 4)

    apart = multiclass(rows(tmp_path / "a", labels, decisions, codes))
    together = multiclass(rows(tmp_path / "b", labels, decisions, codes, clusters=homes))
    alone = multiclass(rows(tmp_path / "c", *drawn))

    for name in ("macro_true_positive_rate_gap", "balanced_accuracy_difference"):
        wide, narrow, plain = (one(evidence, name).high - one(evidence, name).low for evidence in (together, apart, alone))
        assert wide == pytest.approx(plain, rel=0.1)
        assert narrow < 0.75 * wide
    assert "cluster resamples" in one(together, "macro_true_positive_rate_gap").method


@pytest.mark.parametrize("n", [1, 2, 300])
def test_few_rows_and_one_row_per_level_are_answered(tmp_path, n):
    evidence = multiclass(rows(tmp_path, np.zeros(n, int), np.ones(n, int), np.arange(n), levels=tuple(map(str, range(300)))))

    assert {m.name for m in evidence.measurements} <= set(multiclass.measures)
