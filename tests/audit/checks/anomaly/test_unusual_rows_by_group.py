"""`anomaly.unusual_rows_by_group` on planted scores."""

from __future__ import annotations

import numpy as np
import pytest

from audit.checks.anomaly.unusual_rows_by_group import unusual_rows_by_group
from tests.audit.checks.anomaly.detected import detected

SEX = ("female", "male")
CALIBRATION = np.arange(1.0, 100.0)


def one(evidence, name, level):
    return next(m for m in evidence.measurements if m.name == name and m.slice == {"sex": level})


def rows_of(folder, flagged, totals, **subject):
    """`flagged` of `totals` rows of each group far out, the others at 0."""
    scores = np.concatenate([np.repeat([1000.0, 0.0], [f, t - f]) for f, t in zip(flagged, totals, strict=True)])
    codes = np.repeat(np.arange(len(totals)), totals)
    return detected(folder, {"energy": scores}, CALIBRATION, groups={"sex": (codes, SEX)}, **subject)


def test_a_group_that_bears_the_refusals_is_found(tmp_path):
    evidence = unusual_rows_by_group(rows_of(tmp_path, (60, 20), (200, 400)))

    gap = one(evidence, "unusual_share_difference", "female")

    assert one(evidence, "unusual_share", "female").counts == {"unusual": 60, "rows": 200}
    assert gap.value == pytest.approx(0.3 - 0.05)
    assert gap.versus == {"sex": "male"}
    assert gap.low > 0.15


def test_groups_treated_alike_have_no_gap(tmp_path):
    gap = one(unusual_rows_by_group(rows_of(tmp_path, (10, 20), (200, 400))), "unusual_share_difference", "female")

    assert gap.value == 0
    assert gap.low < 0 < gap.high


def test_the_declared_reference_goes_before_the_largest_group(tmp_path):
    evidence = unusual_rows_by_group(rows_of(tmp_path, (10, 20), (200, 400), references={"sex": "female"}))

    assert one(evidence, "unusual_share_difference", "male").versus == {"sex": "female"}
    assert "sex: compared with female." in evidence.notes


def test_a_group_of_four_rows_is_shown_and_not_compared(tmp_path):
    evidence = unusual_rows_by_group(rows_of(tmp_path, (2, 20), (4, 400)))

    assert one(evidence, "unusual_share", "female").value == 0.5
    assert [a.reason for a in evidence.absent if a.name == "unusual_share_difference"] == [
        "There are 4 rows in the group, too few to compare (at least 5)."
    ]


def test_rows_of_unknown_group_or_without_a_score_are_in_no_denominator(tmp_path):
    scores = [1000.0] * 5 + [np.nan] * 5 + [0.0] * 5 + [1000.0] * 5
    codes = [0] * 15 + [-1] * 5
    evidence = unusual_rows_by_group(detected(tmp_path, {"energy": scores}, CALIBRATION, groups={"sex": (codes, SEX)}))

    assert one(evidence, "unusual_share", "female").counts == {"unusual": 5, "rows": 10}
    assert any(a.slice == {"sex": "male"} and a.name == "unusual_share" for a in evidence.absent)


def test_clusters_widen_the_interval(tmp_path):
    plain = one(unusual_rows_by_group(rows_of(tmp_path / "plain", (60, 20), (200, 400))), "unusual_share", "female")
    clusters = np.arange(600) // 20
    grouped = one(unusual_rows_by_group(rows_of(tmp_path / "grouped", (60, 20), (200, 400), clusters=clusters)), "unusual_share", "female")

    assert grouped.value == pytest.approx(plain.value)
    assert grouped.high - grouped.low > 2 * (plain.high - plain.low)


def test_too_few_calibration_rows_leave_the_shares_absent(tmp_path):
    evidence = unusual_rows_by_group(detected(tmp_path, {"energy": np.zeros(20)}, np.arange(5.0), groups={"sex": (np.zeros(20, int), SEX)}))

    assert not evidence.measurements
    assert any("at least 19 are needed" in a.reason for a in evidence.absent)
