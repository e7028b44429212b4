"""`fairness.missingness` against planted gaps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from audit.checks.fairness.missingness import missingness
from tests.audit.checks.planted import planted

SEX = ("female", "male")


def rows_with(folder, inputs, codes, levels=SEX, **given):
    return planted(folder, decisions=np.ones(len(codes), int), groups={"sex": (codes, levels)}, inputs=inputs, **given)


def gaps(count, of):
    return np.where(np.arange(of) < count, np.nan, 1.0)


def found(evidence, name, **at):
    return [m for m in evidence.measurements if m.name == name and at.items() <= m.at.items()]


def test_a_planted_gap_is_measured_by_counts_and_by_an_adjusted_test(tmp_path):
    income = np.concatenate([gaps(60, 200), gaps(30, 300)])
    age = np.concatenate([gaps(10, 200), gaps(15, 300)])

    evidence = missingness(rows_with(tmp_path, {"income": income, "age": age}, np.repeat([0, 1], [200, 300])))

    one = found(evidence, "missing_share_difference", column="income")[0]
    assert one.slice == {"sex": "female"}
    assert one.versus == {"sex": "male"}
    assert one.value == pytest.approx(60 / 200 - 30 / 300)
    assert one.simultaneous.comparisons == 2
    assert one.simultaneous.low < one.low < one.high < one.simultaneous.high
    assert {m.counts["missing"] for m in found(evidence, "missing_share", column="income")} == {60, 30}
    p = chi2_contingency([[60, 140], [30, 270]], correction=False).pvalue
    assert found(evidence, "p_value_holm", column="income")[0].value == pytest.approx(2 * p)


def test_texts_without_value_are_missing(tmp_path):
    job = np.array(["clerk", None] * 50 + ["clerk", "nurse"] * 50, dtype=object)

    evidence = missingness(rows_with(tmp_path, {"job": job}, np.repeat([0, 1], 100)))

    assert {(m.slice["sex"], m.value) for m in found(evidence, "missing_share")} == {("female", 0.5), ("male", 0.0)}


def test_only_inputs_with_gaps_are_compared(tmp_path):
    evidence = missingness(rows_with(tmp_path, {"full": np.ones(100), "gappy": gaps(20, 100)}, np.arange(100) % 2))

    assert {m.at["column"] for m in found(evidence, "missing_share")} == {"gappy"}
    assert found(evidence, "columns_with_missing")[0].value == 1


def test_without_gaps_nothing_is_compared_and_it_is_said(tmp_path):
    evidence = missingness(rows_with(tmp_path, {"full": np.ones(100), "whole": np.arange(100)}, np.arange(100) % 2))

    assert found(evidence, "columns_with_missing")[0].value == 0
    assert not found(evidence, "missing_share_difference")
    assert "None of the 2 inputs has a missing value." in evidence.notes


def test_unknown_membership_is_a_share_of_its_own(tmp_path):
    codes = np.repeat([0, 1, -1], [40, 40, 20])

    evidence = missingness(rows_with(tmp_path, {"age": gaps(10, 100)}, codes))

    one = found(evidence, "unknown_membership_share", attribute="sex")[0]
    assert one.counts == {"unknown": 20, "total": 100}
    assert {m.counts["total"] for m in found(evidence, "missing_share")} == {40}


def test_the_list_is_bounded_and_starts_with_what_chance_does_not_explain(tmp_path):
    generator = np.random.default_rng(0)
    codes = np.concatenate([np.repeat([0, 1], 2000), np.repeat(np.arange(2, 42), 5)])
    inputs = {f"c{i}": np.where(generator.random(len(codes)) < 0.3, np.nan, 0.0) for i in range(20)}
    inputs["planted"] = np.where(generator.random(len(codes)) < np.where(codes == 0, 0.2, 0.1), np.nan, 0.0)

    evidence = missingness(rows_with(tmp_path, inputs, codes, tuple(f"g{i:02}" for i in range(42))), largest=10)

    listed = found(evidence, "missing_share_difference")
    assert len(listed) == 10
    assert listed[0].at["column"] == "planted"
    assert abs(listed[0].value) < abs(listed[1].value)
    assert "Of 861 comparisons of an input and a group, 10 are listed and 851 are left out." in evidence.notes


def test_groups_of_four_rows_are_absent_not_compared(tmp_path):
    evidence = missingness(rows_with(tmp_path, {"age": gaps(20, 64)}, np.repeat([0, 1], [4, 60])))

    assert not found(evidence, "missing_share_difference")
    assert [(a.name, a.slice["sex"], a.n) for a in evidence.absent] == [("missing_share_difference", "female", 4)]


def test_copies_of_rows_within_clusters_are_no_further_evidence(tmp_path):
    codes = np.repeat([0, 1], 100)
    age = np.concatenate([gaps(40, 100), gaps(30, 100)])
    plain = missingness(rows_with(tmp_path / "1", {"age": age}, codes))

    copied = missingness(rows_with(tmp_path / "9", {"age": np.repeat(age, 9)}, np.repeat(codes, 9), clusters=np.repeat(np.arange(200), 9)))

    level = found(plain, "missing_share_difference")[0]
    assert found(copied, "missing_share_difference")[0].high == pytest.approx(level.high, abs=0.005)
    assert found(copied, "p_value_holm")[0].value == pytest.approx(found(plain, "p_value_holm")[0].value, abs=0.01)


def test_weights_move_the_shares(tmp_path):
    age = np.tile([np.nan, 1.0], 50)

    evidence = missingness(rows_with(tmp_path, {"age": age}, np.repeat([0, 1], 50), weights=np.where(np.isnan(age), 3.0, 1.0)))

    assert {m.value for m in found(evidence, "missing_share")} == {0.75}


@pytest.mark.parametrize("n", [1, 300])
def test_one_row_and_one_row_per_level_are_answered(tmp_path, n):
    evidence = missingness(rows_with(tmp_path, {"age": np.full(n, np.nan)}, np.arange(n), tuple(map(str, range(300)))))

    assert {m.name for m in evidence.measurements} <= set(missingness.measures)
    assert len(evidence.absent) <= 50


@pytest.mark.slow
def test_among_alike_groups_the_family_rarely_finds_anything(tmp_path):
    generator, wrong = np.random.default_rng(0), 0
    for i in range(60):
        codes = generator.integers(0, 6, 600)
        inputs = {f"c{j}": np.where(generator.random(600) < 0.15, np.nan, 0.0) for j in range(10)}
        evidence = missingness(rows_with(tmp_path / str(i), inputs, codes, tuple("abcdef")))
        wrong += any(m.value < 0.05 for m in found(evidence, "p_value_holm"))

    assert wrong <= 7
