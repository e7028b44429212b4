"""`explanation.batch_invariance` on planted changes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.checks.explanation.batch_invariance import PROBE, batch_invariance
from audit.judge import judge
from tests.audit.checks.explanation.explained import at
from tests.audit.checks.planted import planted, write_rows, write_table


def rows_with(folder, output, change, shuffled=0.8):
    change = np.asarray(change, dtype=float)[:, None]
    write_rows(folder, PROBE, {"output": np.asarray(output, dtype=float), "change": change, "shuffled": np.full(change.shape, shuffled)})
    write_table(folder, PROBE, "methods", {"name": ["shapley"]})
    return planted(folder, decisions=np.zeros(len(change), dtype=int))


def test_rounding_is_within_the_technical_limit(tmp_path):
    verdict = judge(batch_invariance(rows_with(tmp_path, np.full(8, 2e-7), np.full(8, 3e-6))), batch_invariance.criteria)

    assert verdict.status == "within"
    assert batch_invariance.criteria[0].technical


def test_one_changed_row_needs_attention_and_is_counted(tmp_path):
    change = np.array([0.3, 0, 0, 0, 0, 0, 0, 0])

    evidence = batch_invariance(rows_with(tmp_path, np.zeros(8), change))

    assert at(evidence, "largest_change", method="shapley").value == 0.3
    assert at(evidence, "largest_change", method="output").value == 0
    share = at(evidence, "changed_share", method="shapley")
    exact = stats.binomtest(1, 8).proportion_ci(method="exact")
    assert (share.value, share.low, share.high) == pytest.approx((1 / 8, exact.low, exact.high))
    assert at(evidence, "mean_change", method="shapley").value == pytest.approx(0.3 / 8)
    assert at(evidence, "shuffled_change", method="shapley").value == pytest.approx(0.8)
    assert judge(evidence, batch_invariance.criteria).status == "attention"


def test_rows_that_were_not_measured_do_not_count(tmp_path):
    change = np.array([0.0, 0.0, np.nan, 0.02])

    evidence = batch_invariance(rows_with(tmp_path, change, change))

    assert at(evidence, "changed_share", method="output").n == 3
    assert at(evidence, "largest_change", method="output").n == 3


def test_rows_without_anything_finite_have_no_largest_change(tmp_path):
    evidence = batch_invariance(rows_with(tmp_path, np.full(4, np.nan), np.full(4, np.nan)))

    assert "largest_change" in {item.name for item in evidence.absent}
    assert not evidence.blockers
    assert judge(evidence, batch_invariance.criteria).status == "not_assessed"
