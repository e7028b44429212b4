"""`disparity.columns` on planted columns."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.checks.disparity.columns import columns
from tests.audit.checks.planted import planted, write_rows

SEX = ("female", "male")
GENERATOR = np.random.default_rng(0)
CODES = np.arange(400) % 2


def one(evidence, name, level):
    return next(m for m in evidence.measurements if m.name == name and m.slice == {"sex": level})


def test_a_planted_gap_has_the_welch_interval_of_scipy(tmp_path):
    loss = GENERATOR.exponential(np.where(CODES == 0, 2.0, 1.0))
    expected = stats.ttest_ind(loss[CODES == 0], loss[CODES == 1], equal_var=False)
    rows = planted(tmp_path, decisions=CODES, groups={"sex": (CODES, SEX)}, references={"sex": "male"}, outputs={"loss": loss})

    evidence = columns(rows)
    gap = one(evidence, "mean_difference", "female")

    assert (gap.low, gap.high) == pytest.approx(tuple(expected.confidence_interval()))
    assert gap.low > 0
    assert one(evidence, "median", "male").value == pytest.approx(np.median(loss[CODES == 1]))


def test_equal_groups_are_not_told_apart(tmp_path):
    gaps = [
        one(
            columns(planted(tmp_path / str(i), decisions=CODES, groups={"sex": (CODES, SEX)}, outputs={"loss": GENERATOR.random(400)})),
            "mean_difference",
            "male",
        )
        for i in range(20)
    ]

    assert sum(gap.low <= 0 <= gap.high for gap in gaps) >= 16


def test_missing_values_are_left_out_and_counted(tmp_path):
    loss = np.ones(400)
    loss[:10] = np.nan
    evidence = columns(planted(tmp_path, decisions=CODES, groups={"sex": (CODES, SEX)}, outputs={"loss": loss}))

    assert one(evidence, "mean", "female").n == 195
    assert any("10 of 400" in note for note in evidence.notes)


def test_sampled_explanation_gaps_are_taken_when_measured_and_weighted_back(tmp_path):
    rows = planted(tmp_path, decisions=CODES, groups={"sex": (CODES, SEX)}, outputs={"loss": GENERATOR.random(400)})
    gap, inclusion = np.arange(40.0), np.tile([0.1, 0.2, 0.2, 0.1], 10)
    write_rows(
        tmp_path, "attribution.integrated_gradients", {"relative_gap": gap}, positions=np.arange(0, 400, 10) + np.arange(40) % 2, inclusion=inclusion
    )

    evidence = columns(rows)
    found = next(m for m in evidence.measurements if m.at["column"].startswith("attribution") and m.name == "mean" and m.slice["sex"] == "female")

    even = np.arange(40) % 2 == 0
    assert found.value == pytest.approx(np.average(gap[even], weights=1 / inclusion[even]))


def test_a_column_that_was_not_measured_is_absent(tmp_path):
    rows = planted(tmp_path, decisions=[1, 0], groups={"sex": ([0, 1], SEX)})

    assert "not measured" in columns(rows).absent[0].reason


def test_small_and_empty_groups_are_not_compared(tmp_path):
    codes = np.repeat([0, 1], [3, 50])
    rows = planted(tmp_path, decisions=np.zeros(53, int), groups={"sex": (codes, (*SEX, "none"))}, outputs={"loss": GENERATOR.random(53)})
    evidence = columns(rows)

    assert {a.slice["sex"] for a in evidence.absent if a.name == "mean_difference"} == {"female", "none"}


def test_regression_errors_are_compared_by_group(tmp_path):
    quantity = GENERATOR.normal(size=400)
    rows = planted(tmp_path, labels=quantity, scores=quantity + CODES, task="regression", classes=(), favourable=(), groups={"sex": (CODES, SEX)})

    assert one(columns(rows, columns=("outputs.error",)), "mean_difference", "male").value == pytest.approx(1)


def test_adversarial_radii_are_compared_by_medians_that_know_of_rows_that_resisted(tmp_path):
    scales = np.concatenate([np.linspace(0.1, 2.0, 200), np.linspace(0.1, 4.0, 200)])
    codes, resisted = np.repeat([0, 1], 200), np.zeros(400, dtype=np.int8)
    resisted[[0, 250, 300]] = 1
    rows = planted(tmp_path, decisions=codes, groups={"sex": (codes, SEX)}, references={"sex": "male"}, outputs={"loss": scales})
    write_rows(tmp_path, "robustness.pgd", {"smallest_scale": np.where(resisted == 1, np.nan, scales), "censored": resisted})

    evidence = columns(rows, columns=())

    ordered = [np.sort(np.where(resisted == 1, np.inf, scales)[codes == side]) for side in (0, 1)]
    assert one(evidence, "median", "female").value == ordered[0][99]
    assert one(evidence, "median", "male").value == ordered[1][99]
    gap = one(evidence, "median_difference", "female")
    assert gap.value == pytest.approx(ordered[0][99] - ordered[1][99])
    assert gap.high < 0
    assert not [m for m in evidence.measurements if m.name == "mean"]


def test_a_median_beyond_what_was_tried_is_absent(tmp_path):
    scales = np.where(np.arange(400) < 300, np.nan, 1.0 + np.arange(400) / 400)
    rows = planted(tmp_path, decisions=CODES, groups={"sex": (CODES, SEX)}, outputs={"loss": np.zeros(400)})
    write_rows(tmp_path, "robustness.pgd", {"smallest_scale": scales, "censored": np.isnan(scales).astype(np.int8)})

    evidence = columns(rows, columns=())

    assert {item.name for item in evidence.absent} == {"median", "median_difference"}
    assert "beyond" in evidence.absent[0].reason


def test_a_column_of_yes_and_no_is_a_share_of_those_that_are_known(tmp_path):
    flipped = np.where(CODES == 0, 1, 0).astype(np.int8)
    flipped[:100] = -1
    rows = planted(tmp_path, decisions=CODES, groups={"sex": (CODES, SEX)}, references={"sex": "male"}, outputs={"loss": np.zeros(400)})
    write_rows(tmp_path, "robustness.pgd", {"flipped": flipped}, units={"flipped": "0 or 1"})

    evidence = columns(rows, columns=())

    share = one(evidence, "share", "female")
    assert (share.value, share.n) == (1.0, 150)
    assert one(evidence, "share_difference", "female").value == 1.0
    assert any("100 of 400 rows have no value" in note for note in evidence.notes)
