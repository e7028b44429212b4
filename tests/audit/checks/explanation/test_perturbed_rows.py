"""`explanation.perturbed_rows` on planted tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from audit.checks.explanation.perturbed_rows import PROBE, perturbed_rows
from audit.judge import judge
from tests.audit.checks.explanation.explained import at
from tests.audit.checks.planted import planted, write_table

GENERATOR = np.random.default_rng(6)
SCORES = GENERATOR.normal(size=120)
MADE = np.tile(np.repeat([0, 1], [20, 40]), 2)
ERRORS = np.abs(GENERATOR.normal(size=20))


def rows_with(folder, gap):
    """Two kinds of made rows: 20 real rows and two made of each, and a gap that belongs to LIME alone."""
    kinds = np.repeat(["shapley", "lime"], 60)
    origin = np.tile(np.concatenate([np.arange(20), np.repeat(np.arange(20), 2)]), 2)
    write_table(folder, PROBE, "detected", {"kind": kinds, "origin": origin, "made": MADE, "score": SCORES + MADE})
    both = np.repeat(["shapley", "lime"], 20)
    write_table(folder, PROBE, "transfer", {"kind": both, "own": np.tile(ERRORS, 2), "made": np.concatenate([ERRORS, gap])})
    write_table(folder, PROBE, "restricted", {"kind": ["shapley", "shapley", "lime"], "least": [0.5, np.nan, 0.2], "random": [0.3, 0.1, 0.2]})
    return planted(folder, decisions=np.zeros(4, dtype=int))


def test_the_area_is_that_of_the_scores_and_the_gap_has_an_interval_over_rows(tmp_path):
    gap = ERRORS + 0.2 + 0.01 * GENERATOR.normal(size=20)

    evidence = perturbed_rows(rows_with(tmp_path, gap))

    area, found = at(evidence, "detector_auc", made_by="lime"), at(evidence, "transfer_gap", made_by="lime")
    assert area.value == pytest.approx(roc_auc_score(MADE[60:], (SCORES + MADE)[60:]))
    assert area.low < area.value < area.high
    half = stats.t.ppf(0.975, 19) * (gap - ERRORS).std(ddof=1) / np.sqrt(20)
    assert (found.value, found.low, found.high) == pytest.approx(((gap - ERRORS).mean(), found.value - half, found.value + half))
    assert at(evidence, "own_error", made_by="lime").value == pytest.approx(ERRORS.mean())
    assert at(evidence, "transfer_gap", made_by="shapley").value == 0
    assert not evidence.blockers
    assert perturbed_rows(rows_with(tmp_path, gap), above=0.1).blockers


def test_a_gap_that_lies_above_the_limit_needs_attention(tmp_path):
    evidence = perturbed_rows(rows_with(tmp_path, ERRORS + 0.9))

    assert [reason.partition(":")[0] for reason in evidence.blockers] == ["LIME"]
    assert judge(evidence, ()).status == "attention"


def test_a_row_without_an_attribution_does_not_count(tmp_path):
    evidence = perturbed_rows(rows_with(tmp_path, ERRORS))

    (absent,) = [item for item in evidence.absent if item.name == "excess_change" and item.n == 1 and item.at["made_by"] == "shapley"]
    assert absent.reason
