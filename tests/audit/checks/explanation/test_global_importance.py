"""`explanation.global_importance` on planted attributions."""

from __future__ import annotations

import numpy as np
import pytest

from audit.chart_kinds import BarChart
from audit.checks.explanation.global_importance import global_importance
from tests.audit.checks.explanation.explained import at, explained

GENERATOR = np.random.default_rng(0)


def test_the_mean_of_absolute_values_and_the_order_are_found(tmp_path):
    values = np.tile([[1.0, -3.0, 0.5], [1.0, 5.0, -0.5]], (10, 1))

    evidence = global_importance(explained(tmp_path, shapley=(values, {}), names=["age", "debt", "job"]))

    means = {m.at["feature"]: m.value for m in evidence.measurements if m.name == "mean_absolute_attribution"}
    ranks = {m.at["feature"]: m.value for m in evidence.measurements if m.name == "importance_rank"}
    assert means == {"age": 1, "debt": 4, "job": 0.5}
    assert ranks == {"debt": 1, "age": 2, "job": 3}


def test_intervals_are_students(tmp_path):
    values = np.abs(GENERATOR.normal(size=(30, 1))) + 1

    found = at(global_importance(explained(tmp_path, shapley=(values, {}))), "mean_absolute_attribution", feature="x0")

    half = 2.0452296421327 * values.std(ddof=1) / np.sqrt(30)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half))


def test_sampled_rows_count_by_their_inclusion_and_weight(tmp_path):
    values = np.array([[1.0], [3.0]])

    by_inclusion = explained(tmp_path / "a", shapley=(values, {"inclusion": [1.0, 0.5]}))
    by_both = explained(tmp_path / "b", shapley=(values, {"inclusion": [1.0, 0.5]}), weights=[6.0, 1.0])

    assert at(global_importance(by_inclusion), "mean_absolute_attribution", feature="x0").value == pytest.approx(7 / 3)
    assert at(global_importance(by_both), "mean_absolute_attribution", feature="x0").value == pytest.approx(1.5)


def test_what_noise_adds_is_told(tmp_path):
    noise = GENERATOR.normal(size=(4000, 1))

    evidence = global_importance(explained(tmp_path, shapley=(noise, {"se": np.ones((4000, 1))})))

    found = at(evidence, "mean_absolute_attribution", feature="x0")
    assert found.value == pytest.approx(0.798, abs=0.03)
    assert any("at most about 0.798" in note for note in evidence.notes)


def test_the_chart_shows_the_largest_first_and_says_what_is_left_out(tmp_path):
    values = np.tile(np.arange(30.0), (5, 1)) + GENERATOR.normal(size=(5, 30)) / 100

    evidence = global_importance(explained(tmp_path, gradients=(values, {})))

    (chart,) = evidence.charts
    assert isinstance(chart, BarChart)
    assert list(chart.categories) == [f"x{i}" for i in range(29, 9, -1)]
    assert any("20 largest of 30" in note for note in evidence.notes)


def test_without_any_explanation_it_is_absent(tmp_path):
    evidence = global_importance(explained(tmp_path, n=4))

    assert "switched off" in evidence.absent[0].reason
    assert not evidence.charts
