"""`explanation.faithfulness` on planted areas and infidelities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.checks.explanation.faithfulness import faithfulness
from audit.judge import judge
from tests.audit.checks.explanation.explained import at
from tests.audit.checks.explanation.tested import planted_tests

RANDOM = np.random.default_rng(1)
NOISE = RANDOM.normal(size=(40, 4))


def areas(shapley, spread=0.3):
    return np.array([shapley, 0.1, 0.2, 0.0]) + spread * NOISE


def test_a_method_stands_beside_its_controls_with_paired_differences(tmp_path):
    area, infidelity = areas(0.9), np.clip(0.3 + 0.1 * NOISE + np.array([0, 0.2, 0.3, 0.4]), 0, 1)

    evidence = faithfulness(planted_tests(tmp_path, area=area, infidelity=infidelity))

    gap = area[:, 0] - area[:, 3]
    found = at(evidence, "area_difference", attribution="shapley", control="random")
    half = stats.t.ppf(0.975, 39) * gap.std(ddof=1) / np.sqrt(40)
    assert (found.value, found.low, found.high) == pytest.approx((gap.mean(), gap.mean() - half, gap.mean() + half))
    assert at(evidence, "area", attribution="random").value == pytest.approx(area[:, 3].mean())
    less = at(evidence, "infidelity_difference", attribution="shapley", control="shapley, other weights")
    assert less.value == pytest.approx((infidelity[:, 1] - infidelity[:, 0]).mean())
    assert {m.at["control"] for m in evidence.measurements if m.name == "area_difference"} == {
        "shapley, other weights",
        "distance from the background",
        "random",
    }
    assert not evidence.blockers
    assert judge(evidence, ()).status == "informative"


def test_attributions_that_are_random_are_no_better_than_random(tmp_path):
    evidence = faithfulness(planted_tests(tmp_path, area=areas(0.0)))

    verdict = judge(evidence, ())

    assert verdict.status == "attention"
    assert verdict.reason.startswith("Shapley: no better than random.")


def test_rows_without_finite_outputs_are_left_out_and_told(tmp_path):
    area = areas(0.9)
    area[:3] = np.nan

    evidence = faithfulness(planted_tests(tmp_path, area=area, infidelity=np.where(np.arange(40)[:, None] < 10, np.nan, 0.5) * np.ones((40, 4))))

    assert at(evidence, "area", attribution="shapley").n == 37
    assert at(evidence, "infidelity", attribution="shapley").n == 30
    assert any("3 rows without finite outputs" in note for note in evidence.notes)


@pytest.mark.parametrize(("area", "reason"), [(0.0, "No output changes"), (np.nan, "No row has finite outputs")])
def test_where_nothing_changes_nothing_is_said_of_methods(tmp_path, area, reason):
    evidence = faithfulness(planted_tests(tmp_path, area=np.full((8, 4), area)))

    assert not evidence.measurements
    assert not evidence.blockers
    assert reason in evidence.absent[0].reason


def test_a_single_row_has_no_interval_and_no_blame(tmp_path):
    evidence = faithfulness(planted_tests(tmp_path, area=np.ones((1, 4))))

    assert not evidence.blockers
    assert {a.name for a in evidence.absent} >= {"area", "area_difference"}


def test_curves_show_the_change_of_the_output(tmp_path):
    first = np.tile([5.0, 3.0, 1.0], (40, 4))

    evidence = faithfulness(planted_tests(tmp_path, area=areas(0.9), first=first, last=np.tile([5.0, 5.0, 1.0], (40, 4))))

    chart = evidence.charts[0]
    assert [series.name for series in chart.series][:2] == ["Shapley, most relevant first", "Random, most relevant first"]
    assert chart.series[0].y == [0, -2, -4]
    assert chart.series[2].y == [0, 0, -4]


def test_sampled_rows_count_by_their_inclusion(tmp_path):
    area = np.where(np.arange(40)[:, None] < 20, 1.0, 0.0) * np.ones((40, 4))

    evidence = faithfulness(planted_tests(tmp_path, area=area, inclusion=np.where(np.arange(40) < 20, 0.5, 0.25)))

    assert at(evidence, "area", attribution="shapley").value == pytest.approx(1 / 3)
