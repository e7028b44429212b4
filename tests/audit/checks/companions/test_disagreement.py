"""`companions.disagreement` against numpy, scipy's t interval and scikit-learn's area."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from audit.checks.companions.disagreement import disagreement
from tests.audit.checks.companions.beside import beside, measured

GENERATOR = np.random.default_rng(9)
N = 120
OWN = GENERATOR.integers(0, 2, N)
LABELS = np.where(GENERATOR.random(N) < 0.7, OWN, 1 - OWN)
COMPANIONS = {name: np.where(GENERATOR.random(N) < 0.8, OWN, 1 - OWN) for name in ("a", "b")}
SHARE = np.mean(np.stack(list(COMPANIONS.values()), axis=1) != OWN[:, None], axis=1) * 2 / 3
SHARE = np.minimum(SHARE, 1 - SHARE)  # of three networks: none or one contradicts
SPREAD = np.round(GENERATOR.random(N) / 4, 2)  # many ties
INFORMATION = GENERATOR.random(N) * np.log(3)
COLUMNS = {"disagreement": SHARE, "spread": SPREAD, "mutual_information": INFORMATION}
REGION = np.array([0, 0, 1, 1, 2, 2, 0, 1] * (N // 8))
GROUPS = {"region": (REGION, ("north", "south", "east"))}
WEIGHTS = GENERATOR.random(N) + 0.2
PROBABILITY = np.stack([1 - 0.5 * OWN - 0.25, 0.5 * OWN + 0.25], axis=1)


def asked(folder, **settings):
    given = {"columns": COLUMNS, "labels": LABELS, "decisions": OWN, "probabilities": PROBABILITY} | settings
    return disagreement(beside(folder, COMPANIONS, **given))


def test_each_mean_has_students_interval(tmp_path):
    found = asked(tmp_path)

    for name, unit in (("disagreement", "proportion"), ("spread", "squared probability"), ("mutual_information", "nats")):
        mean, values = measured(found, name), COLUMNS[name]
        half = stats.sem(values) * stats.t.ppf(0.975, N - 1)
        assert (mean.value, mean.low, mean.high) == pytest.approx((values.mean(), values.mean() - half, values.mean() + half))
        assert mean.unit == unit


def test_the_notes_say_how_many_networks_are_counted(tmp_path):
    assert "Disagreement counts 3 networks: the audited one and 2 beside it." in asked(tmp_path).notes


def test_the_error_area_is_that_of_scikit_learn_with_ties_at_one_half(tmp_path):
    plain, weighted = asked(tmp_path / "plain"), asked(tmp_path / "weighted", weights=WEIGHTS)
    wrong = LABELS != OWN

    for name, values in COLUMNS.items():
        assert measured(plain, "error_area", by=name).value == pytest.approx(roc_auc_score(wrong, values))
        assert measured(weighted, "error_area", by=name).value == pytest.approx(roc_auc_score(wrong, values, sample_weight=WEIGHTS))


def test_equal_values_warn_of_nothing_and_no_error_leaves_no_area(tmp_path):
    constant = asked(tmp_path / "constant", columns={"disagreement": np.full(N, 1 / 3)})
    faultless = asked(tmp_path / "faultless", labels=OWN)

    assert measured(constant, "error_area", by="disagreement").value == 0.5
    assert not [m for m in faultless.measurements if m.name == "error_area"]
    assert "both classes" in next(item.reason for item in faultless.absent if item.name == "error_area")


def test_rows_without_label_are_not_errors(tmp_path):
    labels = np.where(np.arange(N) % 3 == 0, -1, LABELS)
    area = measured(asked(tmp_path, labels=labels), "error_area", by="spread")

    known = labels >= 0
    assert area.n == known.sum()
    assert area.value == pytest.approx(roc_auc_score(LABELS[known] != OWN[known], SPREAD[known]))


def test_groups_differ_by_welchs_interval_alone_and_as_a_family(tmp_path):
    found = asked(tmp_path, groups=GROUPS, references={"region": "south"})
    south, east = INFORMATION[REGION == 1], INFORMATION[REGION == 2]
    difference = measured(found, "mutual_information_difference", slice={"region": "east"})
    welch = stats.ttest_ind(east, south, equal_var=False)

    assert difference.versus == {"region": "south"}
    own, joint = welch.confidence_interval(0.95), welch.confidence_interval(1 - 0.05 / 2)
    assert (difference.value, difference.low, difference.high) == pytest.approx((east.mean() - south.mean(), own.low, own.high))
    assert difference.simultaneous is not None
    assert (difference.simultaneous.low, difference.simultaneous.high) == pytest.approx((joint.low, joint.high))
    assert difference.n == min(len(east), len(south))


def test_means_of_groups_are_weighted(tmp_path):
    found = asked(tmp_path, groups=GROUPS, weights=WEIGHTS)

    for level, name in enumerate(("north", "south", "east")):
        kept = level == REGION
        assert measured(found, "spread", slice={"region": name}).value == pytest.approx(np.average(SPREAD[kept], weights=WEIGHTS[kept]))
    assert any("weighted" in note for note in found.notes)


def test_copies_of_a_row_in_one_cluster_tell_no_more_than_the_row(tmp_path):
    alone = asked(tmp_path / "alone")
    three = {name: np.repeat(values, 3) for name, values in COLUMNS.items()}
    settings = {"labels": np.repeat(LABELS, 3), "decisions": np.repeat(OWN, 3), "clusters": np.repeat(np.arange(N), 3)}
    rows = beside(tmp_path / "copied", {name: np.repeat(one, 3) for name, one in COMPANIONS.items()}, columns=three, **settings)
    copied = disagreement(rows)

    for name, at in (("mutual_information", {}), ("error_area", {"by": "mutual_information"})):
        one, many = measured(alone, name, **at), measured(copied, name, **at)
        assert many.value == pytest.approx(one.value)
        assert 1 <= (many.high - many.low) / (one.high - one.low) < 1.06  # a little wider: few clusters tell a variance less well


def test_rows_without_a_value_are_left_out(tmp_path):
    values = np.where(np.arange(N) < 20, np.nan, SHARE)
    found = measured(asked(tmp_path, columns={"disagreement": values}), "disagreement")

    assert (found.value, found.n) == (pytest.approx(SHARE[20:].mean()), N - 20)


def test_what_no_network_gives_is_absent_with_the_reason(tmp_path):
    found = asked(tmp_path, columns={"disagreement": SHARE}, probabilities=None)

    absent = {item.name: item.reason for item in found.absent}
    assert set(absent) == {"spread", "mutual_information"}
    assert all("Fewer than two" in reason for reason in absent.values())


def test_the_spread_of_raw_scores_has_their_unit_squared(tmp_path):
    found = asked(tmp_path, columns={"disagreement": SHARE, "spread": SPREAD}, probabilities=None, output="score")

    assert measured(found, "spread").unit == "squared score"


def test_one_row_is_absent_and_small_groups_are_not_compared(tmp_path):
    one = disagreement(beside(tmp_path / "one", {"a": [0]}, decisions=[1], columns={"disagreement": [0.5]}))
    small = np.where(np.arange(N) < 4, 1, 0)
    four = asked(tmp_path / "four", groups={"region": (small, ("north", "south"))})

    assert not one.measurements
    assert any("at least 2" in item.reason for item in one.absent)
    assert "4 rows" in next(item.reason for item in four.absent if item.name == "spread_difference")


def test_several_classes_are_asked_alike(tmp_path):
    own, labels = GENERATOR.integers(0, 4, N), GENERATOR.integers(0, 4, N)
    given = {"task": "multiclass", "classes": ("a", "b", "c", "d"), "threshold": None, "favourable": (), "probabilities": None}
    found = asked(tmp_path, decisions=own, labels=labels, **given)

    assert measured(found, "error_area", by="spread").value == pytest.approx(roc_auc_score(labels != own, SPREAD))
