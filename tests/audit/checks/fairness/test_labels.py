"""`fairness.labels` against counts by hand and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy

from audit.checks.fairness.labels import labels as check
from tests.audit.checks.planted import planted

SEX = ("female", "male")
BINARY = {"labels": np.repeat([1, 0, 1, 0], [10, 30, 40, 40]), "codes": np.repeat([0, 1], [40, 80])}


def one(evidence, name, level="female"):
    return next(m for m in evidence.measurements if m.name == name and m.slice == {"sex": level})


def binary(folder, **given):
    return planted(folder, labels=BINARY["labels"], decisions=BINARY["labels"], groups={"sex": (BINARY["codes"], SEX)}, **given)


def classes(folder, *counts, **given):
    labels = np.concatenate([np.repeat(np.arange(len(held)), held) for held in counts])
    codes = np.repeat([0, 1], [sum(held) for held in counts])
    names = tuple("abcdefgh"[: len(counts[0])])
    return planted(folder, labels=labels, decisions=labels, task="multiclass", classes=names, favourable=(), groups={"sex": (codes, SEX)}, **given)


def test_label_rates_and_their_differences_are_those_counted_by_hand(tmp_path):
    evidence = check(binary(tmp_path))

    assert one(evidence, "label_rate").counts == {"favourable": 10, "labelled": 40}
    assert one(evidence, "label_rate", "male").value == 0.5
    assert one(evidence, "label_rate_difference").value == pytest.approx(0.25 - 0.5)
    assert one(evidence, "label_rate_ratio").value == pytest.approx(0.5)


def test_the_imbalance_is_positive_where_the_reference_has_more_rows(tmp_path):
    found = one(check(binary(tmp_path)), "group_imbalance")

    assert found.value == pytest.approx((80 - 40) / 120)
    assert found.low < found.value < found.high
    assert found.counts == {"reference_rows": 80, "rows": 40}


def test_a_declared_smaller_reference_turns_the_imbalance_negative(tmp_path):
    found = one(check(binary(tmp_path, references={"sex": "female"})), "group_imbalance", "male")

    assert found.value == pytest.approx((40 - 80) / 120)


def test_a_binary_network_has_no_divergences_besides_the_rate(tmp_path):
    assert {m.name for m in check(binary(tmp_path)).measurements} == {
        "group_imbalance",
        "label_rate",
        "label_rate_difference",
        "label_rate_ratio",
    }


def test_distributions_of_several_classes_are_compared(tmp_path):
    evidence = check(classes(tmp_path, (40, 40, 20), (100, 60, 40)))

    assert one(evidence, "kl_from_reference").value == pytest.approx(entropy([0.4, 0.4, 0.2], [0.5, 0.3, 0.2]))
    assert one(evidence, "kl_to_reference").value == pytest.approx(entropy([0.5, 0.3, 0.2], [0.4, 0.4, 0.2]))
    assert one(evidence, "total_variation").value == pytest.approx(0.1)
    assert one(evidence, "total_variation_by_chance").low is None


def test_a_class_absent_in_one_group_is_kept_and_kullback_leibler_is_absent_not_negative(tmp_path):
    evidence = check(classes(tmp_path, (50, 0, 50), (50, 150, 0)))

    assert one(evidence, "total_variation").value == pytest.approx(0.75)
    assert {a.name for a in evidence.absent if "infinite" in a.reason} == {"kl_from_reference", "kl_to_reference"}
    assert all(m.value >= 0 for m in evidence.measurements if m.name.startswith("kl_"))


def test_alike_groups_lie_no_further_apart_than_chance_puts_them(tmp_path):
    generator = np.random.default_rng(0)
    evidence = check(classes(tmp_path, generator.multinomial(900, [0.5, 0.3, 0.2]), generator.multinomial(1800, [0.5, 0.3, 0.2])))

    for name in ("kl_from_reference", "jensen_shannon", "total_variation", "l2_distance", "largest_class_gap"):
        assert one(evidence, name).low == 0
        assert one(evidence, name).value < 3 * one(evidence, f"{name}_by_chance").value


def test_too_few_rows_of_a_class_leave_the_divergences_absent(tmp_path):
    evidence = check(classes(tmp_path, (2, 30, 8), (5, 60, 35)))

    assert not [m for m in evidence.measurements if m.name == "jensen_shannon"]
    assert any(a.name == "jensen_shannon" and "rarest class" in a.reason for a in evidence.absent)


def test_rates_of_very_many_classes_are_left_out_and_said_so(tmp_path):
    evidence = check(classes(tmp_path, (50,) * 8, (50,) * 8), most_classes=5)

    assert not [m for m in evidence.measurements if m.name.startswith("label_rate")]
    assert [m for m in evidence.measurements if m.name == "total_variation"]
    assert any("8 classes, more than 5" in note for note in evidence.notes)


def test_unknown_labels_are_in_no_rate(tmp_path):
    labels = np.array([1, 0, -1, -1] * 20)
    evidence = check(planted(tmp_path, labels=labels, decisions=np.ones(80, int), groups={"sex": (np.repeat([0, 1], 40), SEX)}))

    assert one(evidence, "label_rate").counts == {"favourable": 10, "labelled": 20}
    assert any("no known label" in note for note in evidence.notes)


def test_a_group_of_four_is_shown_and_not_compared(tmp_path):
    labels = np.tile([0, 1], 32)
    evidence = check(planted(tmp_path, labels=labels, decisions=labels, groups={"sex": (np.repeat([0, 1], [4, 60]), SEX)}))

    assert one(evidence, "label_rate").n == 4
    assert any(a.name == "label_rate_difference" and "too few" in a.reason for a in evidence.absent)


def test_copies_of_rows_within_clusters_do_not_narrow_the_intervals(tmp_path):
    generator = np.random.default_rng(0)
    labels, codes = generator.integers(0, 3, 400), generator.integers(0, 2, 400)
    given = {"task": "multiclass", "classes": ("a", "b", "c"), "favourable": ()}
    plain = check(planted(tmp_path / "1", labels=labels, decisions=labels, groups={"sex": (codes, SEX)}, **given))
    five, which = np.repeat(labels, 5), np.repeat(codes, 5)
    copied = check(planted(tmp_path / "5", labels=five, decisions=five, groups={"sex": (which, SEX)}, clusters=np.repeat(np.arange(400), 5), **given))

    level = plain.measurements[0].slice["sex"]
    assert one(copied, "total_variation", level).value == pytest.approx(one(plain, "total_variation", level).value)
    assert one(copied, "total_variation", level).high == pytest.approx(one(plain, "total_variation", level).high, rel=0.15)
    assert one(copied, "total_variation_by_chance", level).value == pytest.approx(one(plain, "total_variation_by_chance", level).value, rel=0.1)


def test_weights_move_the_rates(tmp_path):
    weights = np.where(BINARY["labels"] == 1, 3.0, 1.0)
    evidence = check(binary(tmp_path, weights=weights))

    assert one(evidence, "label_rate").value == pytest.approx(30 / 60)
    assert one(evidence, "label_rate").counts is None


def test_a_census_has_no_intervals(tmp_path):
    assert one(check(binary(tmp_path, census=True)), "label_rate_difference").low is None


@pytest.mark.parametrize("n", [1, 300])
def test_one_row_and_one_row_per_level_are_answered(tmp_path, n):
    labels = np.arange(n) % 3
    rows = planted(
        tmp_path,
        labels=labels,
        decisions=labels,
        task="multiclass",
        classes=("a", "b", "c"),
        favourable=(),
        groups={"sex": (np.arange(n), tuple(map(str, range(300))))},
    )

    assert {m.name for m in check(rows).measurements} <= set(check.measures)


def test_no_known_membership_is_absent_with_its_reason(tmp_path):
    evidence = check(planted(tmp_path, labels=[0, 1], decisions=[0, 1], groups={"sex": ([-1, -1], SEX)}))

    assert not evidence.measurements
    assert "unknown for every row" in evidence.absent[0].reason
