"""`anomaly.unusual_rows` on planted scores."""

from __future__ import annotations

import numpy as np
import pytest

from audit.checks.anomaly.unusual_rows import unusual_rows
from audit.judge import judge
from tests.audit.checks.anomaly.detected import detected


def one(evidence, name, detector="energy"):
    return next(m for m in evidence.measurements if m.name == name and m.at.get("detector") == detector)


def gone(evidence, name, **at):
    return next(a.reason for a in evidence.absent if a.name == name and all(a.at.get(key) == value for key, value in at.items()))


def test_the_share_counts_p_values_up_to_alpha(tmp_path):
    # 19 calibration rows 0..18: a score above 18 has p = 1/20, which is alpha itself.
    evidence = unusual_rows(detected(tmp_path, {"energy": [19.0] * 8 + [18.0] * 32}, np.arange(19.0)))

    assert one(evidence, "unusual_share").value == 8 / 40
    assert one(evidence, "smallest_p_value").value == 1 / 20


def test_one_calibration_row_too_few_is_told_and_not_read_as_nothing_unusual(tmp_path):
    evidence = unusual_rows(detected(tmp_path, {"energy": [99.0] * 40}, np.arange(18.0)))

    assert not [m for m in evidence.measurements if m.name in ("unusual_share", "discovery_share")]
    assert "at least 19 are needed" in gone(evidence, "unusual_share", detector="energy")
    assert judge(evidence, []).status == "attention"


def test_a_planted_shift_is_raised(tmp_path):
    generator = np.random.default_rng(0)
    evidence = unusual_rows(detected(tmp_path, {"energy": generator.normal(size=800) + 0.5}, generator.normal(size=800)))

    assert one(evidence, "unusual_share").low > 0.05
    assert one(evidence, "shift_p_value").value < 1e-6
    assert "not drawn alike" in judge(evidence, []).reason


def test_rows_of_the_same_kind_raise_nothing(tmp_path):
    generator = np.random.default_rng(1)
    evidence = unusual_rows(detected(tmp_path, {"energy": generator.normal(size=800)}, generator.normal(size=800)))
    share = one(evidence, "unusual_share")

    assert share.low < 0.05 < share.high
    assert not evidence.blockers
    assert judge(evidence, []).status == "informative"


def test_a_shift_towards_the_usual_is_seen_too(tmp_path):
    generator = np.random.default_rng(2)
    evidence = unusual_rows(detected(tmp_path, {"energy": generator.normal(size=800) - 0.5}, generator.normal(size=800)))

    assert one(evidence, "unusual_share").high < 0.05
    assert evidence.blockers


def test_the_level_of_the_shift_is_shared_among_detectors(tmp_path):
    generator = np.random.default_rng(3)
    calibration, scores = generator.normal(size=200), generator.normal(size=200) + 0.17
    alone = unusual_rows(detected(tmp_path / "one", {"energy": scores}, calibration))
    level = one(alone, "shift_p_value").value * 1.5

    both = detected(tmp_path / "two", {"energy": scores, "max_softmax": scores}, calibration)

    assert unusual_rows(detected(tmp_path / "again", {"energy": scores}, calibration), shift_level=level).blockers
    assert not unusual_rows(both, shift_level=level).blockers


def test_agreement_counts_rows_both_detectors_flag(tmp_path):
    first, second = np.zeros(100), np.zeros(100)
    first[:6], second[4:10] = 50, 50
    evidence = unusual_rows(detected(tmp_path, {"energy": first, "max_softmax": second}, np.arange(1.0, 40.0)))

    both = next(m for m in evidence.measurements if m.name == "flagged_by_both")

    assert both.at == {"detectors": "energy and max_softmax"}
    assert both.value == 2 / 10


def test_ranks_of_opposite_detectors_disagree_wholly(tmp_path):
    scores = np.random.default_rng(0).normal(size=50)
    evidence = unusual_rows(detected(tmp_path, {"energy": scores, "max_softmax": -np.exp(scores)}, np.arange(40.0)))

    assert next(m for m in evidence.measurements if m.name == "rank_agreement").value == pytest.approx(-1)


def test_without_flagged_rows_there_is_no_agreement_to_count(tmp_path):
    evidence = unusual_rows(detected(tmp_path, {"energy": np.zeros(30), "max_softmax": np.zeros(30)}, np.arange(1.0, 40.0)))

    assert "Neither" in gone(evidence, "flagged_by_both")
    assert "vary" in gone(evidence, "rank_agreement")


def test_detectors_that_were_not_measured_are_named_with_the_reason(tmp_path):
    evidence = unusual_rows(detected(tmp_path, {"energy": np.zeros(30)}, np.arange(40.0), absent={"anomaly.isolation_forest": "Images have none."}))

    assert gone(evidence, "unusual_share", detector="isolation_forest") == "Images have none."
    assert any("isolation_forest was not measured: Images have none." in note for note in evidence.notes)


def test_rows_without_a_score_are_in_no_denominator(tmp_path):
    evidence = unusual_rows(detected(tmp_path, {"energy": [np.nan] * 10 + [99.0] * 5 + [0.0] * 15}, np.arange(1.0, 40.0)))

    assert one(evidence, "unusual_share").value == 5 / 20
    assert any("10 rows have no score" in note for note in evidence.notes)


def test_no_row_with_a_score_is_no_share(tmp_path):
    evidence = unusual_rows(detected(tmp_path, {"energy": [np.nan] * 10}, np.arange(1.0, 40.0)))

    assert {m.name for m in evidence.measurements} == {"smallest_p_value"}
    assert {"unusual_share", "shift_p_value"} <= {a.name for a in evidence.absent}


def test_weighted_rows_weigh_in_the_share_and_have_no_shift_test(tmp_path):
    weights = np.repeat([3.0, 1.0], 50)
    scores = np.repeat([99.0, 0.0], 50)
    evidence = unusual_rows(detected(tmp_path, {"energy": scores}, np.arange(1.0, 40.0), weights=weights))

    assert one(evidence, "unusual_share").value == pytest.approx(0.75)
    assert "equal weight" in gone(evidence, "shift_p_value")


def test_the_notes_say_how_many_usual_rows_would_be_counted(tmp_path):
    evidence = unusual_rows(detected(tmp_path, {"energy": np.zeros(30)}, np.arange(19.0)))

    # With 19 rows the share of usual rows is Beta(1, 19): 1 - 0.975^(1/19) to 1 - 0.025^(1/19).
    low, high = 1 - 0.975 ** (1 / 19), 1 - 0.025 ** (1 / 19)
    assert any(f"between {low:.2%} and {high:.2%}" in note for note in evidence.notes)


def test_the_leading_column_of_unusual_rows_is_drawn(tmp_path):
    contribution = np.tile([0.1, 0.2], (40, 1))
    contribution[:4] = [[5.0, 0.0], [5.0, 0.0], [5.0, 0.0], [0.0, 5.0]]
    scores = np.repeat([99.0, 0.0], [4, 36])
    rows = detected(tmp_path, {"isolation_forest": scores}, np.arange(1.0, 40.0), contribution=contribution, names=["age", "debt"])

    chart = unusual_rows(rows).charts[-1]

    assert (chart.categories, chart.values) == (["age", "debt"], [0.75, 0.25])


def test_one_row_can_be_asked(tmp_path):
    evidence = unusual_rows(detected(tmp_path, {"energy": [99.0]}, np.arange(40.0)))

    assert one(evidence, "unusual_share").value == 1
