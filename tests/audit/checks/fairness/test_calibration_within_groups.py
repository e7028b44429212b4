"""`fairness.calibration_within_groups` on probabilities that mean different things in two groups."""

from __future__ import annotations

import numpy as np
import pytest

from audit.checks.fairness.calibration_within_groups import calibration_within_groups
from tests.audit.checks.planted import planted

SEX = ("female", "male")


def made(folder, n=4000, *, fault=0.0, **more):
    """Scores calibrated for men; for women the event is `fault` likelier than stated."""
    generator = np.random.default_rng(0)
    codes, stated = np.arange(n) % 2, generator.uniform(0.1, 0.7, n)
    labels = (generator.uniform(size=n) < stated + fault * (codes == 0)).astype(int)
    return planted(folder, labels=labels, scores=stated, groups={"sex": (codes, SEX)}, references={"sex": "male"}, **more), labels, stated, codes


def one(evidence, name, level):
    return next(m for m in evidence.measurements if m.name == name and m.slice == {"sex": level})


def test_calibration_in_the_large_is_mean_stated_less_observed(tmp_path):
    rows, labels, stated, codes = made(tmp_path, fault=0.2)
    evidence = calibration_within_groups(rows)
    gaps = [stated[codes == g].mean() - labels[codes == g].mean() for g in (0, 1)]

    assert one(evidence, "calibration_in_the_large", "female").value == pytest.approx(gaps[0])
    assert one(evidence, "calibration_in_the_large_difference", "female").value == pytest.approx(gaps[0] - gaps[1])
    assert one(evidence, "calibration_in_the_large_difference", "female").high < -0.1


def test_a_fault_is_told_from_chance(tmp_path):
    evidence = calibration_within_groups(made(tmp_path, fault=0.2)[0])

    assert one(evidence, "expected_calibration_error", "female").low > 0.1
    assert one(evidence, "expected_calibration_error", "male").low == 0
    assert one(evidence, "expected_calibration_error_by_chance", "male").value > 0


def test_rates_at_the_same_score_are_counted_in_bins_of_all_rows(tmp_path):
    rows, labels, stated, codes = made(tmp_path, fault=0.2)
    evidence = calibration_within_groups(rows, bins=4)
    inner = (stated > np.quantile(stated, 0.25)) & (stated <= np.quantile(stated, 0.5))

    found = [m for m in evidence.measurements if m.name == "observed_rate" and m.slice == {"sex": "female"}]
    gaps = [m for m in evidence.measurements if m.name == "observed_rate_difference"]

    assert len(found) == len(gaps) == 4
    assert found[1].value == pytest.approx(labels[inner & (codes == 0)].mean())
    assert gaps[1].value == pytest.approx(labels[inner & (codes == 0)].mean() - labels[inner & (codes == 1)].mean())
    assert all(m.simultaneous.comparisons == 4 and m.simultaneous.low < m.low for m in gaps)


def test_small_groups_have_no_bins_and_very_small_ones_no_comparison(tmp_path):
    codes = np.repeat([0, 1], [4, 400])
    rows = planted(tmp_path, labels=np.arange(404) % 2, scores=np.linspace(0.1, 0.9, 404), groups={"sex": (codes, SEX)})
    gone = {(a.name, a.slice["sex"]): a.reason for a in calibration_within_groups(rows).absent}

    assert "too few to fill bins" in gone["expected_calibration_error", "female"]
    assert "too few to compare" in gone["calibration_in_the_large_difference", "female"]


def test_without_probabilities_it_says_so(tmp_path):
    rows = planted(tmp_path, labels=[0, 1] * 20, decisions=[0, 1] * 20, groups={"sex": (np.arange(40) % 2, SEX)})

    assert "not probabilities" in calibration_within_groups(rows).absent[0].reason


def test_weights_change_values_and_clusters_widen_intervals(tmp_path):
    plain = calibration_within_groups(made(tmp_path / "a", 400)[0])
    weighted = calibration_within_groups(made(tmp_path / "b", 400, weights=np.linspace(0.2, 2, 400))[0])
    clustered = calibration_within_groups(made(tmp_path / "c", 400, clusters=np.arange(400) // 40)[0])
    name = "calibration_in_the_large"

    assert one(weighted, name, "male").value != pytest.approx(one(plain, name, "male").value)
    assert "over 10 clusters" in one(clustered, name, "male").method


def test_missing_scores_and_labels_are_left_out(tmp_path):
    scores = np.linspace(0.1, 0.9, 400)
    scores[::4] = np.nan
    labels = np.arange(400) % 2
    labels[1::4] = -1
    rows = planted(tmp_path, labels=labels, scores=scores, groups={"sex": (np.zeros(400, int), SEX)})

    assert one(calibration_within_groups(rows), "calibration_in_the_large", "female").n == 200


@pytest.mark.parametrize("n", [1, 300])
@pytest.mark.parametrize("score", [0.5, 0.0, 1.0])
def test_equal_scores_one_row_and_one_row_per_level_are_answered(tmp_path, n, score):
    rows = planted(
        tmp_path,
        labels=np.arange(n) % 2,
        scores=np.full(n, score),
        groups={"sex": (np.arange(n), tuple(map(str, range(300)))), "all": ([0] * n, ("a",))},
    )

    assert {m.name for m in calibration_within_groups(rows).measurements} <= set(calibration_within_groups.measures)
