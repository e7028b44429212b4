"""`explanation.stability` on planted halves and moves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.checks.explanation.stability import stability
from audit.judge import judge
from tests.audit.checks.explanation.tested import planted_tests

NOISE = np.random.default_rng(2).normal(size=60)
CODES = np.repeat([0, 1], [40, 20])
GROUPS = {"sex": (CODES, ["male", "female"])}


def of_group(evidence, name, level):
    (found,) = [m for m in evidence.measurements if m.name == name and m.slice.get("sex") == level]
    return found


def test_means_overall_and_by_group_with_welch_s_difference(tmp_path):
    moves = 0.3 + 0.05 * NOISE + 0.2 * CODES

    evidence = stability(planted_tests(tmp_path, half_correlation=0.97 + 0.01 * NOISE, max_sensitivity=moves, groups=GROUPS))

    (overall,) = [m for m in evidence.measurements if m.name == "max_sensitivity" and not m.slice]
    assert overall.value == pytest.approx(moves.mean())
    gap = of_group(evidence, "max_sensitivity_difference", "female")
    welch = stats.ttest_ind(moves[CODES == 1], moves[CODES == 0], equal_var=False).confidence_interval()
    assert (gap.low, gap.high) == pytest.approx((welch.low, welch.high), rel=1e-3)
    assert gap.versus == {"sex": "male"}
    assert of_group(evidence, "half_correlation", "male").n == 40
    assert not evidence.blockers
    assert judge(evidence, ()).status == "informative"


def test_estimates_that_disagree_are_under_sampled(tmp_path):
    rows = planted_tests(tmp_path, half_correlation=0.6 + 0.05 * NOISE)

    verdict = judge(stability(rows), ())

    assert verdict.status == "attention"
    assert "under-sampled" in verdict.reason
    assert not stability(rows, enough=0.6).blockers


def test_what_could_not_be_moved_is_absent_and_what_has_no_order_is_left_out(tmp_path):
    halves = np.where(np.arange(60) < 6, np.nan, 0.98)

    evidence = stability(planted_tests(tmp_path, half_correlation=halves, max_sensitivity=None, groups=GROUPS))

    assert {a.name for a in evidence.absent} == {"max_sensitivity"}
    assert of_group(evidence, "half_correlation", "male").n == 34
    assert any("6 rows have none" in note for note in evidence.notes)


def test_groups_of_few_rows_are_shown_and_not_compared(tmp_path):
    codes = np.where(np.arange(60) < 57, 0, 1)

    evidence = stability(planted_tests(tmp_path, half_correlation=0.97 + 0.01 * NOISE, groups={"sex": (codes, ["male", "female"])}))

    assert of_group(evidence, "half_correlation", "female").n == 3
    assert any(a.name == "half_correlation_difference" and "too few" in a.reason for a in evidence.absent)


def test_enumerated_rows_are_told(tmp_path):
    evidence = stability(planted_tests(tmp_path, half_correlation=np.ones(60), exact=np.arange(60) < 12))

    assert any("12 of 60 rows were enumerated" in note for note in evidence.notes)


def test_intervals_stay_where_values_can_be(tmp_path):
    evidence = stability(planted_tests(tmp_path, half_correlation=np.where(np.arange(60) == 0, 0.0, 1.0), half_overlap=np.ones(60)))

    assert all(m.high is None or m.high <= 1 for m in evidence.measurements if m.name.startswith("half") and not m.name.endswith("difference"))
