"""`fairness.regression` against fairlearn, sklearn and scipy, and on planted gaps."""

from __future__ import annotations

import time

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame
from scipy import stats
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from audit.checks.fairness.regression import regression
from tests.audit.checks.planted import planted

SEX = ("female", "male")
LABELLED = ("mean_error", "mean_absolute_error", "root_mean_squared_error", "r_squared", "correlation")


def rows(folder, labels, scores, codes, *, levels=SEX, **further):
    described = {"task": "regression", "output": "quantity", "classes": (), "favourable": (), "threshold": None} | further
    return planted(folder, labels=labels, scores=scores, groups={"sex": (codes, levels)}, **described)


def one(evidence, name, level="female", **at):
    return next(m for m in evidence.measurements if m.name == name and m.slice == {"sex": level} and at.items() <= m.at.items())


def missing(evidence, name, level="female"):
    return next(item for item in evidence.absent if item.name == name and item.slice == {"sex": level})


@pytest.fixture
def drawn():
    generator = np.random.default_rng(0)
    labels, codes = generator.gamma(2.0, 10.0, 400), generator.integers(0, 2, 400)
    return labels, labels + generator.normal(codes, 1 + 2 * codes), codes


def test_errors_of_groups_agree_with_fairlearn_and_sklearn(tmp_path, drawn):
    labels, scores, codes = drawn
    metrics = {"mean_absolute_error": mean_absolute_error, "root_mean_squared_error": root_mean_squared_error, "r_squared": r2_score}
    frame = MetricFrame(metrics=metrics, y_true=labels, y_pred=scores, sensitive_features=np.array(SEX)[codes])

    evidence = regression(rows(tmp_path, labels, scores, codes, references={"sex": "male"}))

    for name in metrics:
        for level in SEX:
            assert one(evidence, name, level).value == pytest.approx(frame.by_group[name][level])
        gap = one(evidence, f"{name}_difference")
        assert gap.value == pytest.approx(frame.by_group[name]["female"] - frame.by_group[name]["male"])
        assert gap.versus == {"sex": "male"}
    for name in ("mean_absolute_error", "root_mean_squared_error"):
        assert one(evidence, f"{name}_ratio").value == pytest.approx(frame.by_group[name]["female"] / frame.by_group[name]["male"])


def test_weighted_errors_agree_with_sklearn(tmp_path, drawn):
    labels, scores, codes = drawn
    weights = np.random.default_rng(1).uniform(0.5, 3.0, len(labels))
    his = codes == 1

    evidence = regression(rows(tmp_path, labels, scores, codes, weights=weights))

    for name, metric in {
        "mean_absolute_error": mean_absolute_error,
        "root_mean_squared_error": root_mean_squared_error,
        "r_squared": r2_score,
    }.items():
        assert one(evidence, name, "male").value == pytest.approx(metric(labels[his], scores[his], sample_weight=weights[his]))
    assert one(evidence, "mean_prediction", "male").value == pytest.approx(np.average(scores[his], weights=weights[his]))
    covariance = np.cov(labels[his], scores[his], aweights=weights[his])
    assert one(evidence, "correlation", "male").value == pytest.approx(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))


def test_the_difference_of_means_has_the_interval_of_welch(tmp_path, drawn):
    labels, scores, codes = drawn
    expected = stats.ttest_ind((scores - labels)[codes == 0], (scores - labels)[codes == 1], equal_var=False).confidence_interval(0.95)

    gap = one(regression(rows(tmp_path, labels, scores, codes, references={"sex": "male"})), "mean_error_difference")

    assert (gap.low, gap.high) == pytest.approx((expected.low, expected.high), rel=1e-6)


def test_the_correlation_is_that_of_scipy_with_nearly_its_interval_under_normal_errors(tmp_path):
    generator = np.random.default_rng(2)
    labels = generator.normal(size=5000)
    scores = labels + generator.normal(size=5000)
    expected = stats.pearsonr(labels, scores)

    found = one(regression(rows(tmp_path, labels, scores, np.zeros(5000, int))), "correlation")

    assert found.value == pytest.approx(expected.statistic)
    ends = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high), abs=2e-3)


def test_a_group_predicted_too_low_is_told_with_its_direction(tmp_path):
    generator = np.random.default_rng(3)
    codes = np.arange(600) % 2
    labels = generator.normal(100, 10, 600)
    scores = labels + generator.normal(0, 2, 600) - 5 * (codes == 0)

    evidence = regression(rows(tmp_path, labels, scores, codes, references={"sex": "male"}, label_unit="euro"))

    gap = one(evidence, "mean_error_difference")
    assert gap.low < -5 < gap.high < -4
    assert gap.unit == "euro"


def test_the_share_at_the_top_is_counted_inside_each_group(tmp_path):
    scores = np.arange(100.0)
    codes = (scores >= 60).astype(int)  # 60 women at 0…59, 40 men at 60…99

    evidence = regression(rows(tmp_path, scores, scores, codes, references={"sex": "female"}))

    assert one(evidence, "share_at_or_above", "male", quantile=0.5).value == 1.0
    assert one(evidence, "share_at_or_above", "female", quantile=0.5).counts == {"hits": 11, "base": 60}  # the cut is 49: 49…59
    assert one(evidence, "share_at_or_above_difference", "male", quantile=0.9).value == pytest.approx(11 / 40)  # 89…99
    assert one(evidence, "share_at_or_above_difference", "male", quantile=0.75).at["prediction"] == 74.0


def test_equal_predictions_put_everybody_at_the_top(tmp_path):
    evidence = regression(rows(tmp_path, np.arange(40.0), np.full(40, 3.0), np.arange(40) % 2))

    assert one(evidence, "share_at_or_above", "female", quantile=0.9).value == 1.0
    assert "prediction" in missing(evidence, "correlation").reason


def test_what_does_not_exist_is_absent_with_its_reason(tmp_path):
    labels = np.where(np.arange(60) % 2 == 0, 0.1, np.arange(60.0))  # all women have the same label, which no float mean hits exactly
    evidence = regression(rows(tmp_path, labels, labels + 1.0, np.arange(60) % 2, references={"sex": "male"}))

    assert "alike" in missing(evidence, "r_squared").reason
    assert "alike" in missing(evidence, "r_squared_difference").reason
    assert not [m for m in evidence.measurements if m.name == "r_squared" and m.slice == {"sex": "female"}]


def test_a_ratio_of_means_that_are_not_above_zero_is_absent(tmp_path):
    scores = np.where(np.arange(60) % 2 == 0, -4.0, 5.0) + np.linspace(0, 1, 60)

    assert (
        "above 0"
        in missing(regression(rows(tmp_path, scores, scores, np.arange(60) % 2, references={"sex": "male"})), "mean_prediction_ratio").reason
    )


def test_four_rows_are_not_compared(tmp_path):
    codes = np.array([0] * 4 + [1] * 40)
    evidence = regression(rows(tmp_path, np.arange(44.0), np.arange(44.0) + 1, codes))

    assert "4 rows in the group" in missing(evidence, "mean_error_difference").reason
    assert one(evidence, "mean_error").n == 4


def test_rows_without_label_or_prediction_are_left_out(tmp_path):
    labels, scores = np.arange(80.0), np.arange(80.0) + np.tile([1.0, -1.0], 40)
    labels[:10], scores[70:] = np.nan, np.nan
    evidence = regression(rows(tmp_path, labels, scores, np.zeros(80, int)))

    assert one(evidence, "mean_absolute_error").n == 60
    assert one(evidence, "mean_prediction").n == 70
    assert any("10 rows have no finite prediction" in note for note in evidence.notes)
    assert any("10 rows have no known label" in note for note in evidence.notes)


def test_without_labels_levels_and_quantiles_remain(tmp_path):
    evidence = regression(rows(tmp_path, None, np.arange(40.0), np.arange(40) % 2))

    assert {m.name for m in evidence.measurements} == {
        "mean_prediction", "mean_prediction_difference", "mean_prediction_ratio", "share_at_or_above", "share_at_or_above_difference"
    }  # fmt: skip
    assert "No label column" in evidence.absent[0].reason


def test_households_widen_the_interval(tmp_path, drawn):
    labels, scores, codes = (np.repeat(values, 5) for values in drawn)
    homes = np.repeat(np.arange(400), 5)

    apart = one(regression(rows(tmp_path / "a", labels, scores, codes)), "mean_absolute_error_difference")
    together = one(regression(rows(tmp_path / "b", labels, scores, codes, clusters=homes)), "mean_absolute_error_difference")

    assert (together.high - together.low) == pytest.approx((apart.high - apart.low) * np.sqrt(5), rel=0.02)


@pytest.mark.parametrize("n", [1, 2, 300])
def test_few_rows_and_one_row_per_level_are_answered(tmp_path, n):
    evidence = regression(rows(tmp_path, np.ones(n), np.ones(n), np.arange(n), levels=tuple(map(str, range(300)))))

    assert {m.name for m in evidence.measurements} <= set(regression.measures)


def test_no_group_with_rows_is_answered(tmp_path):
    evidence = regression(rows(tmp_path, np.ones(9), np.ones(9), np.full(9, -1)))

    assert not [m for m in evidence.measurements if m.value != 0]


@pytest.mark.slow
def test_a_million_rows_take_seconds_at_most(tmp_path):
    generator = np.random.default_rng(4)
    labels = generator.normal(size=1_000_000)
    held = rows(
        tmp_path, labels, labels + generator.normal(size=len(labels)), generator.integers(0, 20, len(labels)), levels=tuple(map(str, range(20)))
    )
    started = time.perf_counter()

    regression(held)

    assert time.perf_counter() - started < 10
