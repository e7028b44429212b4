"""`fairness.differential` on planted intersections."""

from __future__ import annotations

import math

import numpy as np
import pytest

from audit.checks.fairness.differential import differential
from tests.audit.checks.planted import planted

SEX, ORIGIN = ("female", "male"), ("north", "south")
BOTH = {"attributes": "sex × origin"}


def held(evidence, name, at):
    return next(m for m in evidence.measurements if m.name == name and m.at == at)


def crossed(n=400):
    sex, origin = np.arange(n) % 2, np.arange(n) // 2 % 2
    return sex, origin, {"sex": (sex, SEX), "origin": (origin, ORIGIN)}


def test_a_gap_that_no_attribute_shows_alone_is_found_in_the_intersection(tmp_path):
    sex, origin, groups = crossed()
    chosen = np.where(sex == origin, np.arange(400) // 4 % 10 < 8, np.arange(400) // 4 % 10 < 2).astype(int)

    evidence = differential(planted(tmp_path, decisions=chosen, groups=groups))

    # 80 of 100 against 20 of 100 in the cells, 100 of 200 against 100 of 200 in each attribute.
    assert held(evidence, "differential_fairness", BOTH).value == pytest.approx(math.log(81 / 21))
    assert held(evidence, "differential_fairness_unsmoothed", BOTH).value == pytest.approx(math.log(4))
    assert held(evidence, "differential_fairness", {"attributes": "sex"}).value == pytest.approx(0)
    assert held(evidence, "differential_fairness", BOTH).low > held(evidence, "differential_fairness_by_chance", BOTH).value
    assert "credible" in held(evidence, "differential_fairness", BOTH).method


def test_decisions_more_unequal_than_labels_amplify(tmp_path):
    sex, _, _ = crossed(1000)
    labels = np.where(sex == 0, np.arange(1000) // 2 % 10 < 5, np.arange(1000) // 2 % 10 < 4).astype(int)
    decisions = np.where(sex == 0, np.arange(1000) // 2 % 10 < 7, np.arange(1000) // 2 % 10 < 2).astype(int)

    evidence = differential(planted(tmp_path, labels=labels, decisions=decisions, groups={"sex": (sex, SEX)}))

    found = held(evidence, "bias_amplification", {"attributes": "sex"})
    # Labels: 251/502 against 201/502 of class 1; decisions: 351/502 against 101/502 of class 1.
    assert found.value == pytest.approx(math.log(351 / 101) - math.log(251 / 201))
    assert found.low > 0


def test_a_cell_that_never_gets_an_outcome_has_no_unsmoothed_value(tmp_path):
    sex, _, _ = crossed()
    evidence = differential(planted(tmp_path, decisions=sex, groups={"sex": (sex, SEX)}))

    assert "no row" in next(a.reason for a in evidence.absent if a.name == "differential_fairness_unsmoothed")
    assert held(evidence, "differential_fairness", {"attributes": "sex"}).value == pytest.approx(math.log(201))


def test_cells_with_fewer_than_five_rows_are_left_out_and_named(tmp_path):
    codes = np.repeat([0, 1, 2], [100, 100, 4])
    decisions = np.where(codes == 2, 0, np.arange(204) % 2)

    evidence = differential(planted(tmp_path, decisions=decisions, groups={"sex": (codes, (*SEX, "other"))}))

    assert held(evidence, "differential_fairness", {"attributes": "sex"}).n == 200
    assert any("1 cells with fewer than 5 rows are left out" in note for note in evidence.notes)


def test_all_outcomes_count_with_several_classes(tmp_path):
    codes = np.repeat([0, 1], 300)
    decisions = np.concatenate([np.arange(300) % 3, np.where(np.arange(300) % 30 == 0, 2, np.arange(300) % 2)])
    rows = planted(tmp_path, decisions=decisions, groups={"sex": (codes, SEX)}, task="multiclass", classes=("a", "b", "c"), favourable=())

    found = held(differential(rows), "differential_fairness", {"attributes": "sex"})

    assert found.value == pytest.approx(math.log(101 / 11))


def test_weights_count_as_shares_on_effective_rows(tmp_path):
    codes, decisions = np.repeat([0, 1], 200), np.arange(400) % 2
    weights = np.where((codes == 0) & (decisions == 1), 3.0, 1.0)

    found = held(
        differential(planted(tmp_path, decisions=decisions, weights=weights, groups={"sex": (codes, SEX)})),
        "differential_fairness_unsmoothed",
        {"attributes": "sex"},
    )

    assert found.value == pytest.approx(math.log(0.5 / 0.25))


def test_copies_in_clusters_do_not_narrow_the_interval(tmp_path):
    generator = np.random.default_rng(0)
    codes, decisions = np.repeat([0, 1], 300), generator.integers(0, 2, 600)
    at = {"attributes": "sex"}
    once = held(differential(planted(tmp_path / "a", decisions=decisions, groups={"sex": (codes, SEX)})), "differential_fairness", at)

    rows = planted(
        tmp_path / "b", decisions=np.repeat(decisions, 5), groups={"sex": (np.repeat(codes, 5), SEX)}, clusters=np.repeat(np.arange(600), 5)
    )

    found = held(differential(rows), "differential_fairness", at)
    assert found.high - found.low == pytest.approx(once.high - once.low, rel=0.1)


def test_rows_without_decision_label_or_membership_are_left_out(tmp_path):
    evidence = differential(
        planted(tmp_path, labels=[1, 0, -1, 0] * 30, decisions=[1, -1, 0, 0] * 30, groups={"sex": (np.arange(120) // 4 % 3 - 1, SEX)})
    )

    assert held(evidence, "differential_fairness", {"attributes": "sex"}).n == 60
    assert held(evidence, "differential_fairness_of_labels", {"attributes": "sex"}).n == 40


@pytest.mark.parametrize("n", [1, 3000])
def test_one_row_and_three_hundred_levels_are_answered(tmp_path, n):
    rows = planted(tmp_path, labels=np.arange(n) % 2, decisions=np.ones(n, int), groups={"sex": (np.arange(n) % 300, tuple(map(str, range(300))))})

    assert {m.name for m in differential(rows, draws=100).measurements} <= set(differential.measures)
