"""`fairness.inequality` against hand-derived indices and its reasons for silence."""

from __future__ import annotations

import numpy as np
import pytest

from audit.checks.fairness.inequality import inequality
from tests.audit.checks.planted import planted

SEX = ("female", "male")


def held(evidence, name):
    return next(m for m in evidence.measurements if m.name == name)


def made(folder, benefits, codes, **more):
    """Rows with a benefit of 0 (refused although favourable), 1 (as labelled) or 2 (granted although unfavourable)."""
    labels = np.where(np.asarray(benefits) == 2, 0, 1)
    decisions = np.where(np.asarray(benefits) == 0, 0, 1)
    return planted(folder, labels=labels, decisions=decisions, groups={"sex": (codes, SEX)}, **more)


def test_the_index_of_a_small_table_is_that_derived_by_hand(tmp_path):
    """Shares 0.2, 0.5, 0.3 of benefits 0, 1, 2: mean 1.1, second moment 1.7, index (1.7 / 1.21 - 1) / 2 = 0.2024793."""
    evidence = inequality(made(tmp_path, np.repeat([0, 1, 2], [20, 50, 30]), np.arange(100) % 2))

    assert held(evidence, "generalised_entropy").value == pytest.approx(0.2024793, abs=1e-6)
    assert held(evidence, "coefficient_of_variation").value == pytest.approx(np.sqrt(0.49) / 1.1)


def test_parts_add_up_for_each_attribute_also_with_unknown_membership(tmp_path):
    evidence = inequality(made(tmp_path, np.arange(120) % 3, np.arange(120) % 5 % 3 - 1))

    parts = held(evidence, "between_groups").value + held(evidence, "within_groups").value

    assert parts == pytest.approx(held(evidence, "generalised_entropy").value)
    assert any("unknown membership" in note for note in evidence.notes)


def test_refusals_of_one_group_lie_between_groups(tmp_path):
    codes = np.repeat([0, 1], 100)
    evidence = inequality(made(tmp_path, np.where((codes == 0) & (np.arange(200) % 4 < 3), 0, 1), codes))

    assert held(evidence, "between_groups").low > held(evidence, "between_groups_by_chance").value


def test_a_benefit_of_zero_leaves_no_mean_log_deviation(tmp_path):
    absent = {a.name: a.reason for a in inequality(made(tmp_path, np.arange(60) % 3, np.arange(60) % 2)).absent}

    assert "20 of 60 rows have a benefit of 0" in absent["mean_log_deviation"]


def test_a_perfect_network_has_no_made_up_interval(tmp_path):
    evidence = inequality(made(tmp_path, np.ones(60, int), np.arange(60) % 2))

    assert "alike" in next(a.reason for a in evidence.absent if a.name == "generalised_entropy")


def test_which_class_is_favourable_decides_who_gains(tmp_path):
    rows = planted(tmp_path, labels=[1, 1, 0, 0] * 10, decisions=[1, 0, 0, 1] * 10, favourable=(0,), groups={"sex": (np.tile([0, 1], 20), SEX)})
    means = {m.slice["sex"]: m.value for m in inequality(rows).measurements if m.name == "mean_benefit"}

    # Of four rows two are as labelled (1), the second is granted class 0 without the label (2), the fourth refused it (0).
    assert means == {"female": 1.0, "male": 1.0}


def test_unknown_labels_and_outputs_are_left_out(tmp_path):
    rows = planted(tmp_path, labels=[1, 1, -1, 0] * 20, decisions=[1, 0, 1, -1] * 20, groups={"sex": (np.arange(80) % 2, SEX)})

    assert held(inequality(rows), "generalised_entropy").n == 40


def test_copies_in_clusters_leave_the_interval_as_it_was(tmp_path):
    benefits, codes = np.arange(90) % 3, np.arange(90) % 2
    once = held(inequality(made(tmp_path / "a", benefits, codes, clusters=np.arange(90))), "theil_index")

    twice = held(inequality(made(tmp_path / "b", np.repeat(benefits, 2), np.repeat(codes, 2), clusters=np.repeat(np.arange(90), 2))), "theil_index")

    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))


@pytest.mark.parametrize("n", [1, 300])
def test_one_row_and_one_row_per_level_are_answered(tmp_path, n):
    rows = planted(tmp_path, labels=np.arange(n) % 2, decisions=np.ones(n, int), groups={"sex": (np.arange(n), tuple(map(str, range(300))))})

    assert {m.name for m in inequality(rows, alpha=1.0).measurements} <= set(inequality.measures)
