"""Shares of candidate reasons are those that counting by hand finds, and a protected attribute is never listed in silence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from audit.checks.explanation.reasons import reasons
from tests.audit.checks.planted import planted, write_rows, write_table

PROBE = "attribution.reasons"
NAMES = ["income", "debt", "age", "years", "house"]


def rows(folder, cutoff, everyone, *, certain=None, withheld=None, protected=(0, 0, 0, 0, 0), texts=NAMES, passed=5, groups=None):
    """Declined rows with the lists given, and a few rows decided favourably behind them."""
    n = len(cutoff)
    declined = np.array([1] * n + [0] * passed, dtype=np.int8)
    pad = np.full((passed, 4), -1)
    columns = {"declined": declined}
    for one, named in (("cutoff", cutoff), ("everyone", everyone)):
        columns[f"named_{one}"] = np.concatenate([np.asarray(named), pad]).astype(np.int32)
        columns[f"certain_{one}"] = np.concatenate([np.ones(n) if certain is None else certain, np.zeros(passed)]).astype(np.int8)
        columns[f"withheld_{one}"] = np.concatenate([np.zeros(n) if withheld is None else withheld, np.zeros(passed)]).astype(np.int32)
    write_rows(folder, PROBE, columns)
    write_table(folder, PROBE, "players", {"name": NAMES, "reason": texts, "protected": protected})
    return planted(folder, decisions=1 - declined.astype(int), groups=groups)


def value(evidence, name, *, slice=None, **at):  # noqa: A002
    (found,) = [m for m in evidence.measurements if m.name == name and at.items() <= dict(m.at).items() and dict(m.slice) == (slice or {})]
    return found


def test_shares_are_counted_over_declined_rows(tmp_path) -> None:
    cutoff = [[0, 1, 3, 4]] * 30 + [[0, 1, 3, -1]] * 10
    evidence = reasons(rows(tmp_path, cutoff, [[0, 1, 3, 2]] * 40))

    house = value(evidence, "reason_share", baseline="cutoff", feature="house")
    assert (house.value, house.n) == (0.75, 40)
    expected = binomtest(30, 40).proportion_ci(method="wilson")
    assert (house.low, house.high) == pytest.approx((expected.low, expected.high), abs=0.03)
    assert value(evidence, "mean_overlap").value == pytest.approx(3 / 4)
    assert value(evidence, "agreeing_share").value == 1.0


def test_lists_that_share_two_of_four_do_not_agree(tmp_path) -> None:
    evidence = reasons(rows(tmp_path, [[0, 1, 2, 3]] * 20 + [[0, 1, 2, 3]] * 20, [[0, 1, 4, -1]] * 20 + [[3, 2, 1, 4]] * 20))

    assert value(evidence, "agreeing_share").value == 0.5
    assert value(evidence, "stable_share").value == 0.5


def test_a_list_whose_cut_is_uncertain_is_not_stable(tmp_path) -> None:
    evidence = reasons(rows(tmp_path, [[0, 1, 2, 3]] * 40, [[0, 1, 2, 3]] * 40, certain=[1] * 10 + [0] * 30))

    assert value(evidence, "stable_share").value == 0.25
    assert value(evidence, "certain_cut_share", baseline="everyone").value == 0.25


def test_a_protected_attribute_among_the_reasons_is_told_loudly(tmp_path) -> None:
    held = rows(tmp_path, [[0, 1, 3, -1]] * 40, [[0, 1, 3, -1]] * 40, withheld=[1] * 8 + [0] * 32, protected=(0, 0, 1, 0, 0))
    evidence = reasons(held)

    assert value(evidence, "protected_reason_share", baseline="cutoff").value == 0.2
    assert "age" in evidence.blockers[0]
    assert "8 of 40" in evidence.blockers[0]
    assert not any(m.at.get("feature") == "age" for m in evidence.measurements)


def test_texts_stand_beside_columns_and_missing_ones_are_noted(tmp_path) -> None:
    texts = ["Income of the applicant", "debt", "age", "years", "house"]
    evidence = reasons(rows(tmp_path, [[0, 1, -1, -1]] * 40, [[0, 1, -1, -1]] * 40, texts=texts))

    assert list(evidence.charts[-1].rows) == [("income", "Income of the applicant", 40, 40, 40), ("debt", "debt", 40, 40, 0)]
    assert any("debt" in note and "income" not in note for note in evidence.notes)


def test_groups_of_enough_declined_rows_are_told_apart(tmp_path) -> None:
    codes = np.array([0] * 35 + [1] * 35 + [-1] * 5)
    cutoff = [[0, -1, -1, -1]] * 35 + [[1, -1, -1, -1]] * 35
    evidence = reasons(rows(tmp_path, cutoff, cutoff, groups={"sex": (codes, ("f", "m"))}))

    assert value(evidence, "reason_share", slice={"sex": "f"}, feature="income").value == 1.0
    assert value(evidence, "reason_share", slice={"sex": "m"}, feature="income").value == 0.0


def test_few_declined_rows_give_no_rates(tmp_path) -> None:
    evidence = reasons(rows(tmp_path, [[0, 1, 2, 3]] * 29, [[0, 1, 2, 3]] * 29))

    assert not evidence.measurements
    assert "29 declined rows" in evidence.absent[0].reason
