"""`companions.drift` against scikit-learn, counting, and intervals worked out again by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, cohen_kappa_score, confusion_matrix

from audit.checks.companions.drift import drift
from tests.audit.checks.companions.beside import beside, measured
from tests.audit.checks.planted import write_rows

GENERATOR = np.random.default_rng(4)
N = 240
LABELS = GENERATOR.integers(0, 2, N)
OWN = np.where(GENERATOR.random(N) < 0.8, LABELS, 1 - LABELS)
OLD = np.where(GENERATOR.random(N) < 0.9, LABELS, 1 - LABELS)
COPY = np.where(GENERATOR.random(N) < 0.95, OWN, 1 - OWN)
REGION = np.array([0, 0, 0, 1, 1, 2] * (N // 6))
LEVELS = ("north", "south", "east")
GROUPS = {"region": (REGION, LEVELS)}
WEIGHTS = GENERATOR.random(N) + 0.2


def wilson_ends(hits: float, n: float, confidence: float) -> tuple[float, float]:
    """Roots of (share - p)^2 = z^2 p (1 - p) / n."""
    z2, share = stats.norm.ppf(0.5 + confidence / 2) ** 2, hits / n
    low, high = sorted(np.roots([1 + z2 / n, -(2 * share + z2 / n), share**2]).real)
    return low, high


def paired_ends(mine: np.ndarray, theirs: np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    """Newcombe's tenth method written out from the four counts."""
    n, (a, b, c, d) = len(mine), ((mine & theirs).sum(), (mine & ~theirs).sum(), (~mine & theirs).sum(), (~mine & ~theirs).sum())
    (low_1, high_1), (low_2, high_2) = wilson_ends(a + b, n, confidence), wilson_ends(a + c, n, confidence)
    first, second, product = (a + b) / n, (a + c) / n, float(a * d - b * c)
    margins = float(a + b) * float(c + d) * float(a + c) * float(b + d)
    phi = 0.0 if margins == 0 else (max(product - n / 2, 0) if product > 0 else product) / math.sqrt(margins)
    down, up = first - low_1, high_2 - second
    other_down, other_up = high_1 - first, second - low_2
    low = first - second - math.sqrt(down**2 - 2 * phi * down * up + up**2)
    high = first - second + math.sqrt(other_down**2 - 2 * phi * other_down * other_up + other_up**2)
    return low, high


def test_agreement_is_the_accuracy_of_one_against_the_other(tmp_path):
    found = drift(beside(tmp_path, {"copy": COPY, "old": OLD}, labels=LABELS, decisions=OWN))

    for name, theirs in (("copy", COPY), ("old", OLD)):
        agreement = measured(found, "agreement", companion=name)
        assert agreement.value == pytest.approx(accuracy_score(OWN, theirs))
        assert (agreement.low, agreement.high) == pytest.approx(wilson_ends((theirs == OWN).sum(), N, 0.95))
        assert measured(found, "flip_share", companion=name).value == pytest.approx(1 - accuracy_score(OWN, theirs))


def test_agreement_and_the_shares_of_both_give_the_kappa_of_scikit_learn(tmp_path):
    found = drift(beside(tmp_path, {"old": OLD}, decisions=OWN))

    agreed, changed = measured(found, "agreement", companion="old").value, measured(found, "selection_change", companion="old").value
    mine, theirs = OWN.mean(), OWN.mean() - changed
    by_chance = mine * theirs + (1 - mine) * (1 - theirs)
    assert (agreed - by_chance) / (1 - by_chance) == pytest.approx(cohen_kappa_score(OWN, OLD))


def test_changes_are_the_network_minus_the_companion_with_newcombes_ends(tmp_path):
    found = drift(beside(tmp_path, {"old": OLD}, labels=LABELS, decisions=OWN))
    accuracy, selection = measured(found, "accuracy_change", companion="old"), measured(found, "selection_change", companion="old")

    assert accuracy.value == pytest.approx(accuracy_score(LABELS, OWN) - accuracy_score(LABELS, OLD))
    assert (accuracy.low, accuracy.high) == pytest.approx(paired_ends(OWN == LABELS, OLD == LABELS))
    assert selection.value == pytest.approx(OWN.mean() - OLD.mean())
    assert (selection.low, selection.high) == pytest.approx(paired_ends(OWN == 1, OLD == 1))


def test_mcnemar_rests_on_the_rows_that_only_one_decides_rightly(tmp_path):
    found = measured(drift(beside(tmp_path, {"old": OLD}, labels=LABELS, decisions=OWN)), "mcnemar_p", companion="old")

    (_, theirs), (mine, _) = confusion_matrix(OWN == LABELS, OLD == LABELS)
    assert found.counts == {"only_network_right": mine, "only_companion_right": theirs}
    assert found.value == pytest.approx(min(2 * stats.binom.cdf(min(mine, theirs), mine + theirs, 0.5), 1))


def test_groups_are_compared_with_the_reference_over_all_groups_and_companions(tmp_path):
    rows = beside(tmp_path, {"copy": COPY, "old": OLD}, labels=LABELS, decisions=OWN, groups=GROUPS, references={"region": "south"})
    found = measured(drift(rows), "accuracy_change_difference", slice={"region": "east"}, companion="old")

    def ends(confidence: float) -> tuple[float, float, float]:
        east, south = REGION == 2, REGION == 1
        own = [np.mean(OWN[kept] == LABELS[kept]) - np.mean(OLD[kept] == LABELS[kept]) for kept in (east, south)]
        (low_1, high_1), (low_2, high_2) = (paired_ends(OWN[kept] == LABELS[kept], OLD[kept] == LABELS[kept], confidence) for kept in (east, south))
        value = own[0] - own[1]
        return value, value - math.hypot(own[0] - low_1, high_2 - own[1]), value + math.hypot(high_1 - own[0], own[1] - low_2)

    assert found.versus == {"region": "south"}
    assert (found.value, found.low, found.high) == pytest.approx(ends(0.95))
    assert found.simultaneous is not None
    assert found.simultaneous.comparisons == 4  # two other groups, two companions
    assert (found.simultaneous.low, found.simultaneous.high) == pytest.approx(ends(1 - 0.05 / 4)[1:])


def test_flip_shares_of_groups_differ_by_newcombes_interval_for_independent_shares(tmp_path):
    rows = beside(tmp_path, {"old": OLD}, decisions=OWN, groups=GROUPS, references={"region": "north"})
    found = measured(drift(rows), "flip_share_difference", slice={"region": "south"}, companion="old")

    south, north = (OWN != OLD)[REGION == 1], (OWN != OLD)[REGION == 0]
    (low_1, high_1), (low_2, high_2) = (wilson_ends(side.sum(), len(side), 0.95) for side in (south, north))
    value = south.mean() - north.mean()
    expected = (value - math.hypot(south.mean() - low_1, high_2 - north.mean()), value + math.hypot(high_1 - south.mean(), north.mean() - low_2))
    assert (found.value, found.low, found.high) == pytest.approx((value, *expected))
    assert found.n == min(len(south), len(north))


def test_weights_count_as_in_scikit_learn(tmp_path):
    found = drift(beside(tmp_path, {"old": OLD}, labels=LABELS, decisions=OWN, weights=WEIGHTS, groups=GROUPS))

    north = REGION == 0
    expected = accuracy_score(OWN[north], OLD[north], sample_weight=WEIGHTS[north])
    assert measured(found, "agreement", companion="old").value == pytest.approx(accuracy_score(OWN, OLD, sample_weight=WEIGHTS))
    assert measured(found, "flip_share", slice={"region": "north"}, companion="old").value == pytest.approx(1 - expected)
    change = accuracy_score(LABELS, OWN, sample_weight=WEIGHTS) - accuracy_score(LABELS, OLD, sample_weight=WEIGHTS)
    assert measured(found, "accuracy_change", companion="old").value == pytest.approx(change)
    assert not [m for m in found.measurements if m.name == "mcnemar_p"]  # its coin is fair only for rows that weigh alike


def test_rows_that_were_copied_into_clusters_tell_no_more_than_one_of_each(tmp_path):
    alone = drift(beside(tmp_path / "alone", {"old": OLD}, labels=LABELS, decisions=OWN))
    repeated = [np.repeat(column, 3) for column in (OLD, LABELS, OWN, np.arange(N))]
    copied = drift(beside(tmp_path / "copied", {"old": repeated[0]}, labels=repeated[1], decisions=repeated[2], clusters=repeated[3]))

    for name in ("agreement", "accuracy_change", "selection_change"):
        one, many = (measured(found, name, companion="old") for found in (alone, copied))
        assert many.value == pytest.approx(one.value)
        assert many.high - many.low == pytest.approx(one.high - one.low, rel=0.02)


def test_rows_without_a_label_or_a_decision_are_left_out_or_wrong(tmp_path):
    labels, own, old = np.array([1, 1, 0, -1, 1, 0]), np.array([1, 0, 0, 1, -1, 1]), np.array([1, 1, 1, 0, 1, -1])
    found = drift(beside(tmp_path, {"old": old}, labels=labels, decisions=own))

    assert measured(found, "flip_share", companion="old").counts == {"flipped": 3, "rows": 4}
    accuracy = measured(found, "accuracy_change", companion="old")
    assert (accuracy.value, accuracy.n) == (pytest.approx(2 / 5 - 3 / 5), 5)


def test_without_labels_nothing_is_said_of_accuracy(tmp_path):
    found = drift(beside(tmp_path, {"old": OLD}, decisions=OWN, groups=GROUPS))

    assert not {m.name for m in found.measurements} & {"accuracy_change", "accuracy_change_difference", "mcnemar_p"}
    assert not any("Labels" in note for note in found.notes)


def test_one_row_has_an_agreement_and_no_comparison_of_groups(tmp_path):
    found = drift(beside(tmp_path, {"old": [1]}, labels=[1], decisions=[1], groups={"region": ([0], ("north", "south"))}))

    agreement = measured(found, "agreement", companion="old")
    assert (agreement.value, agreement.n) == (1, 1)
    assert (agreement.low, agreement.high) == pytest.approx((0.025, 1))  # a share of 0.025 still gives one hit in one row 2.5 times in 100
    assert "at least 5" in next(item.reason for item in found.absent if item.name == "flip_share_difference")


def test_several_classes_have_a_change_of_selection_only_where_one_is_favourable(tmp_path):
    own, old = GENERATOR.integers(0, 3, 60), GENERATOR.integers(0, 3, 60)
    given = {"task": "multiclass", "classes": ("a", "b", "c"), "threshold": None, "decisions": own}
    plain = drift(beside(tmp_path / "plain", {"old": old}, favourable=(), **given))
    good = drift(beside(tmp_path / "good", {"old": old}, favourable=(0, 2), **given))

    assert not [m for m in plain.measurements if m.name == "selection_change"]
    assert measured(good, "selection_change", companion="old").value == pytest.approx(np.mean(own != 1) - np.mean(old != 1))
    assert measured(good, "agreement", companion="old").value == pytest.approx(accuracy_score(own, old))


def test_outputs_are_apart_by_the_mean_and_the_largest_of_the_measured_column(tmp_path):
    apart = np.array([[0.1, np.nan], [0.4, 0.2], [0.1, 0.0]])
    rows = beside(tmp_path, {"a": [1, 0, 1], "b": [1, 0, 1]}, scores=[0.9, 0.1, 0.8], columns={"difference": apart})
    found = drift(rows)

    assert measured(found, "mean_difference", companion="a").value == pytest.approx(0.2)
    assert measured(found, "mean_difference", companion="a").unit == "probability"
    assert (measured(found, "mean_difference", companion="b").value, measured(found, "mean_difference", companion="b").n) == (pytest.approx(0.1), 2)
    assert measured(found, "largest_difference", companion="b").value == pytest.approx(0.2)


def test_robustness_compares_rows_attacked_on_both_and_changes_that_were_found(tmp_path):
    mine, theirs, carried = np.array([1, 1, 1, 0, -1, 1]), np.array([[1], [0], [0], [0], [1], [-1]]), np.array([[1], [0], [1], [-1], [-1], [-1]])
    rows = beside(tmp_path, {"old": np.ones(6)}, decisions=np.ones(6))
    write_rows(tmp_path, "companions.robustness", {"model_flipped": mine, "flipped": theirs, "transferred": carried})
    found = drift(rows.fresh())

    adversarial, moved = measured(found, "adversarial_change", companion="old"), measured(found, "transferred_share", companion="old")
    assert (adversarial.value, adversarial.n) == (pytest.approx(3 / 4 - 1 / 4), 4)
    assert (moved.value, moved.n) == (pytest.approx(2 / 3), 3)


def test_a_whole_population_has_no_intervals(tmp_path):
    found = drift(beside(tmp_path, {"old": OLD}, labels=LABELS, decisions=OWN, groups=GROUPS, census=True))

    assert all(m.low is None and m.simultaneous is None for m in found.measurements)
