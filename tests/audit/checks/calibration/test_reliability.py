"""`calibration.reliability` on calibrated and overconfident networks."""

from __future__ import annotations

import numpy as np
import pytest

from audit.checks.calibration.reliability import reliability
from tests.audit.checks.planted import planted

GENERATOR = np.random.default_rng(0)
HONEST = GENERATOR.random(1500)
TRUTH = (GENERATOR.random(1500) < HONEST).astype(int)
OVERCONFIDENT = 1 / (1 + np.exp(-3 * np.log(HONEST / (1 - HONEST))))


LEVELS = np.tile(np.repeat(np.arange(1, 10) / 10, 10), 16)
CAME_TRUE = (np.tile(np.arange(10), 144) < np.round(LEVELS * 10)).astype(int)
"""At each stated k / 10 exactly k of every 10 rows come true, so calibration holds without chance."""


def values(evidence):
    return {m.name: m for m in evidence.measurements if not m.slice}


def test_a_calibrated_network_shows_what_chance_shows(tmp_path):
    found = values(reliability(planted(tmp_path, labels=TRUTH, scores=HONEST)))

    assert found["expected_calibration_error"].value < 1.7 * found["expected_calibration_error_by_chance"].value
    assert found["expected_calibration_error_debiased"].low <= 0.01


def test_an_overconfident_network_is_found_with_either_kind_of_bins(tmp_path):
    rows = planted(tmp_path, labels=TRUTH, scores=OVERCONFIDENT)

    for equal_mass in (True, False):
        assert values(reliability(rows, equal_mass=equal_mass))["expected_calibration_error_debiased"].low > 0.05


def test_exactly_calibrated_rows_show_no_error_at_all(tmp_path):
    found = values(reliability(planted(tmp_path, labels=CAME_TRUE, scores=LEVELS)))

    assert found["expected_calibration_error"].value == pytest.approx(0, abs=1e-12)
    assert found["calibration_in_the_large"].value == pytest.approx(0, abs=1e-12)


def test_a_group_with_inflated_scores_is_found_and_the_other_is_not(tmp_path):
    codes = np.repeat([0, 1], 720)
    scores = np.minimum(LEVELS + 0.1 * codes, 1)
    evidence = reliability(planted(tmp_path, labels=CAME_TRUE, scores=scores, groups={"sex": (codes, ("female", "male"))}))

    gap = {m.slice["sex"]: m for m in evidence.measurements if m.slice}
    assert gap["male"].value == pytest.approx(0.1)
    assert gap["male"].low > 0.05
    assert gap["female"].low < 0 < gap["female"].high


def test_several_classes_are_judged_by_the_decided_class(tmp_path):
    probability = GENERATOR.dirichlet([1, 1, 1], 600)
    labels = np.array([GENERATOR.choice(3, p=row) for row in probability])
    rows = planted(tmp_path, labels=labels, probabilities=probability, task="multiclass", classes=("a", "b", "c"), favourable=())

    found = values(reliability(rows))["expected_calibration_error_debiased"]

    assert found.low < 0.02


def test_the_answer_is_the_same_twice(tmp_path):
    rows = planted(tmp_path, labels=TRUTH, scores=HONEST)

    assert reliability(rows) == reliability(rows)


@pytest.mark.parametrize(
    "case", [{"labels": [1], "scores": [0.4]}, {"labels": [-1] * 5, "scores": [0.1] * 5}, {"labels": [1, 0], "decisions": [1, 0]}]
)
def test_too_few_rows_or_no_probabilities_are_told(tmp_path, case):
    assert "expected_calibration_error" in {a.name for a in reliability(planted(tmp_path, **case)).absent}


def test_weights_and_clusters_are_taken(tmp_path):
    rows = planted(tmp_path, labels=TRUTH, scores=HONEST, weights=GENERATOR.random(1500) + 0.5, clusters=np.arange(1500) // 3)

    found = values(reliability(rows, resamples=50))["expected_calibration_error"]

    assert found.low <= found.value <= found.high
