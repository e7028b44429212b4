"""`fairness.conditional_disparity` on Berkeley's admissions and planted faults."""

from __future__ import annotations

import numpy as np
import pytest

from audit.checks.fairness.conditional_disparity import conditional_disparity
from tests.audit.checks.planted import planted

SEX = ("female", "male")
# Department: admitted men, rejected men, admitted women, rejected women (Bickel, Hammel & O'Connell 1975).
BERKELEY = {
    "A": (512, 313, 89, 19),
    "B": (353, 207, 17, 8),
    "C": (120, 205, 202, 391),
    "D": (138, 279, 131, 244),
    "E": (53, 138, 94, 299),
    "F": (22, 351, 24, 317),
}


def berkeley(folder, **given):
    counts = np.concatenate(list(BERKELEY.values()))
    decisions = np.repeat(np.tile([1, 0, 1, 0], 6), counts)
    codes = np.repeat(np.tile([1, 1, 0, 0], 6), counts)
    department = np.repeat(np.repeat(np.array(list(BERKELEY), dtype=object), 4), counts)
    return planted(folder, decisions=decisions, groups={"sex": (codes, SEX)}, inputs={"department": department}, **given)


def one(evidence, name, outcome="decision", level="female"):
    return next(m for m in evidence.measurements if m.name == name and m.slice == {"sex": level} and m.at["outcome"] == outcome)


def test_berkeley_turns_round_within_departments(tmp_path):
    evidence = conditional_disparity(berkeley(tmp_path), strata="department")

    assert one(evidence, "demographic_disparity").value == pytest.approx(1278 / 2771 - 557 / 1755)  # of refusals, less of admissions
    assert one(evidence, "conditional_demographic_disparity").value < 0
    # R: mantelhaen.test gives 0.9046968 (0.7719074 to 1.0603298) for men against women.
    found = one(evidence, "common_odds_ratio")
    assert found.versus == {"sex": "male"}
    assert found.value == pytest.approx(1 / 0.9046968, abs=1e-6)
    assert (found.low, found.high) == pytest.approx((1 / 1.0603298, 1 / 0.7719074), abs=1e-5)
    assert one(evidence, "no_association_p_value").value == pytest.approx(0.2169, abs=1e-4)
    assert one(evidence, "no_association_p_value_holm").value == one(evidence, "no_association_p_value").value
    assert one(evidence, "homogeneity_p_value").value == pytest.approx(0.00207, abs=1e-4)
    assert one(evidence, "common_risk_difference").value > 0


def test_the_conditional_disparity_of_berkeley_is_that_written_out(tmp_path):
    sizes = [sum(held) for held in BERKELEY.values()]
    apart = [d / (b + d) - c / (a + c) for a, b, c, d in BERKELEY.values()]

    found = one(conditional_disparity(berkeley(tmp_path), strata="department"), "conditional_demographic_disparity")

    assert found.value == pytest.approx(np.average(apart, weights=sizes))
    assert found.at == {"outcome": "decision", "strata": "department"}


def test_without_declared_strata_it_is_absent_and_says_what_to_declare(tmp_path):
    evidence = conditional_disparity(berkeley(tmp_path))

    assert not evidence.measurements
    assert "setting 'strata'" in evidence.absent[0].reason


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path):
    evidence = conditional_disparity(berkeley(tmp_path), strata="departmant")

    assert "did you mean 'department'?" in evidence.absent[0].reason


def test_numbers_are_cut_at_quartiles(tmp_path):
    generator = np.random.default_rng(0)
    age, codes = generator.normal(40, 10, 4000), generator.integers(0, 2, 4000)
    decisions = (age > 40).astype(int)
    rows = planted(tmp_path, decisions=decisions, groups={"sex": (codes, SEX)}, inputs={"age": age})

    evidence = conditional_disparity(rows, strata="age")

    edges = np.quantile(age, [0.25, 0.5, 0.75])
    assert evidence.notes[0] == f"Strata are ranges of age, cut after {', '.join(f'{edge:.4g}' for edge in edges)} (quantiles)."


def test_numbers_of_few_values_are_strata_as_they_are(tmp_path):
    rows = planted(
        tmp_path, decisions=np.arange(400) % 2, groups={"sex": (np.arange(400) // 2 % 2, SEX)}, inputs={"level": np.arange(400) // 100 * 1.0}
    )

    assert conditional_disparity(rows, strata="level").notes[0] == "Strata are the 4 values of level."


def test_another_attribute_can_be_the_strata_and_is_not_compared_itself(tmp_path):
    generator = np.random.default_rng(0)
    groups = {"sex": (generator.integers(0, 2, 600), SEX), "age": (generator.integers(0, 3, 600), ("old", "mid", "young"))}
    rows = planted(tmp_path, decisions=generator.integers(0, 2, 600), groups=groups)

    evidence = conditional_disparity(rows, strata="age")

    assert {tuple(m.slice) for m in evidence.measurements} == {("sex",)}


def test_the_only_attribute_cannot_be_compared_within_itself(tmp_path):
    evidence = conditional_disparity(berkeley(tmp_path), strata="sex")

    assert not evidence.measurements
    assert "only group attribute" in evidence.absent[0].reason


def test_labels_are_compared_as_decisions_are_and_unknown_ones_left_out(tmp_path):
    generator = np.random.default_rng(0)
    labels = np.where(np.arange(900) % 3 == 0, -1, generator.integers(0, 2, 900))
    decisions, codes = np.where(labels < 0, 0, labels), generator.integers(0, 2, 900)
    rows = planted(tmp_path, labels=labels, decisions=decisions, groups={"sex": (codes, SEX)}, inputs={"s": np.arange(900) // 3 % 2})

    evidence = conditional_disparity(rows, strata="s")

    assert one(evidence, "common_odds_ratio", "label").n == min(np.bincount(codes[labels >= 0]))
    known = labels >= 0
    value = np.mean(codes[known & (labels == 0)] == 0) - np.mean(codes[known & (labels == 1)] == 0)
    assert one(evidence, "demographic_disparity", "label").value == pytest.approx(value)


def test_rows_without_a_known_stratum_are_left_out_and_counted(tmp_path):
    age = np.where(np.arange(400) % 4 == 0, np.nan, np.arange(400) % 2)
    rows = planted(tmp_path, decisions=np.arange(400) // 3 % 2, groups={"sex": (np.arange(400) // 2 % 2, SEX)}, inputs={"age": age})

    assert "100 rows have no known age and are left out." in conditional_disparity(rows, strata="age").notes


def test_a_different_stratum_for_every_row_is_refused(tmp_path):
    names = np.array([f"p{i}" for i in range(2000)], dtype=object)
    rows = planted(tmp_path, decisions=np.arange(2000) % 2, groups={"sex": (np.arange(2000) // 2 % 2, SEX)}, inputs={"name": names})

    assert "more than the 1,000 strata" in conditional_disparity(rows, strata="name").absent[0].reason


def test_equal_weights_change_nothing_and_unequal_ones_widen_the_odds_ratio(tmp_path):
    plain = one(conditional_disparity(berkeley(tmp_path / "plain"), strata="department"), "common_odds_ratio")
    equal = one(conditional_disparity(berkeley(tmp_path / "equal", weights=np.full(4526, 2.0)), strata="department"), "common_odds_ratio")
    weights = np.random.default_rng(0).exponential(size=4526)
    unequal = one(conditional_disparity(berkeley(tmp_path / "unequal", weights=weights), strata="department"), "common_odds_ratio")

    assert (equal.value, equal.low) == pytest.approx((plain.value, plain.low))
    assert unequal.high / unequal.low > 1.1 * plain.high / plain.low


def test_clustered_rows_have_all_but_the_test_of_equal_odds_ratios(tmp_path):
    evidence = conditional_disparity(berkeley(tmp_path, clusters=np.arange(4526) // 3), strata="department")

    assert "clusters" in one(evidence, "conditional_demographic_disparity").method
    gone = {a.name for a in evidence.absent if "clusters" in a.reason}
    assert gone == {"homogeneity_p_value"}
    plain = conditional_disparity(berkeley(tmp_path / "plain"), strata="department")
    for name in ("common_odds_ratio", "common_risk_difference"):
        assert one(evidence, name).value == pytest.approx(one(plain, name).value)
        assert "clusters" in one(evidence, name).method


def test_no_favourable_class_has_no_outcome_to_compare(tmp_path):
    evidence = conditional_disparity(berkeley(tmp_path, task="multiclass", classes=("0", "1", "2"), favourable=()), strata="department")

    assert not evidence.measurements
    assert "favourable" in evidence.absent[0].reason


@pytest.mark.parametrize("n", [1, 300])
def test_one_row_and_one_row_per_level_are_answered(tmp_path, n):
    groups = {"sex": (np.arange(n), tuple(map(str, range(300))))}
    rows = planted(tmp_path, labels=np.ones(n, int), decisions=np.ones(n, int), groups=groups, inputs={"x": np.arange(n) * 1.0})

    evidence = conditional_disparity(rows, strata="x")

    assert {a.name for a in evidence.absent} <= set(conditional_disparity.measures)
    assert not evidence.measurements


def test_all_strata_unknown_is_survived(tmp_path):
    rows = planted(tmp_path, decisions=[0, 1] * 10, groups={"sex": ([0, 1] * 10, SEX)}, inputs={"x": np.full(20, np.nan)})

    assert not conditional_disparity(rows, strata="x").measurements
