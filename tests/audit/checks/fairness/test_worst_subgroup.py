"""`fairness.worst_subgroup`: planted corners are found, chance is not, and only the half that was not searched is reported."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.checks.fairness.worst_subgroup import worst_subgroup
from tests.audit.checks.planted import planted

SEX = ("female", "male")


def rows_of(folder, n=3000, seed=1, gap=0.0, **settings):
    """Selection at one half, lower by `gap` for women on short contracts; an income that says nothing."""
    generator = np.random.default_rng(seed)
    sex = generator.integers(0, 2, n)
    contract, income = generator.choice(["short", "long", "none"], n), generator.normal(30, 5, n)
    decisions = (generator.random(n) < 0.5 - gap * ((sex == 0) & (contract == "short"))).astype(int)
    inputs = {"contract": contract.astype(object), "income": income}
    return planted(folder, decisions=decisions, groups={"sex": (sex, SEX)}, inputs=inputs, **settings), (sex, contract, decisions)


def adjusted(evidence):
    return [m.value for m in evidence.measurements if m.name == "p_value_holm"]


def test_a_planted_corner_of_an_attribute_and_an_input_is_found_and_confirmed(tmp_path):
    rows, (sex, contract, decisions) = rows_of(tmp_path, gap=0.3)
    second = ~np.isin(np.arange(3000), rows.generator("worst_subgroup").permutation(3000)[:1500])
    inside = (sex == 0) & (contract == "short")

    evidence = worst_subgroup(rows)

    cell = {"sex": "female", "contract": "short"}
    assert evidence.charts[0].rows[0][0] == "sex female, contract short"
    found = next(m for m in evidence.measurements if m.name == "selection_rate_difference" and dict(m.slice) == cell)
    assert found.value == pytest.approx(decisions[second & inside].mean() - decisions[second & ~inside].mean())
    assert found.simultaneous.high < 0
    assert found.versus == {"sex × contract": "the rest"}
    assert min(adjusted(evidence)) < 1e-6


def test_errors_are_searched_where_labels_are_known(tmp_path):
    generator = np.random.default_rng(2)
    income, sex = generator.normal(0, 1, 4000), generator.integers(0, 2, 4000)
    labels = generator.integers(0, 2, 4000)
    wrong = generator.random(4000) < np.where((income > 0.7) & (sex == 1), 0.5, 0.1)
    rows = planted(tmp_path, decisions=np.where(wrong, 1 - labels, labels), labels=labels, groups={"sex": (sex, SEX)}, inputs={"income": income})

    evidence = worst_subgroup(rows)

    found = [m for m in evidence.measurements if m.name == "error_rate_difference"]
    assert dict(found[0].slice)["sex"] == "male"
    assert dict(found[0].slice)["income"].endswith("or more")
    assert found[0].value == pytest.approx(0.4, abs=0.1)


def test_the_search_half_stands_in_the_table_and_only_the_other_half_is_measured(tmp_path):
    rows, _ = rows_of(tmp_path, seed=3)

    evidence = worst_subgroup(rows)

    table = evidence.charts[0]
    line = dict(zip(table.columns, table.rows[0], strict=True))
    measured = next(m for m in evidence.measurements if m.name == "selection_rate")
    assert measured.value == line["value"]
    assert measured.value != line["search: value"]
    # Selection makes the searched differences larger than the confirmed ones.
    searched = np.mean([abs(row[3] - row[4]) for row in table.rows])
    assert searched > np.mean([abs(row[8]) for row in table.rows])


def test_the_number_of_subgroups_confirmed_is_the_setting(tmp_path):
    rows, _ = rows_of(tmp_path)

    assert len(adjusted(worst_subgroup(rows, top=3))) == 3


def test_inputs_can_be_left_out(tmp_path):
    rows, _ = rows_of(tmp_path)

    assert {key for m in worst_subgroup(rows, use_inputs=False).measurements for key in m.slice} == {"sex"}


def test_an_input_with_the_name_of_an_attribute_is_told_apart(tmp_path):
    generator = np.random.default_rng(4)
    sex, decisions = generator.integers(0, 2, 500), generator.integers(0, 2, 500)
    rows = planted(tmp_path, decisions=decisions, groups={"sex": (sex, SEX)}, inputs={"sex": generator.integers(0, 2, 500).astype(float)})

    assert {key for m in worst_subgroup(rows).measurements for key in m.slice} <= {"sex", "input.sex"}


def test_clusters_stay_whole_and_copies_of_rows_confirm_nothing(tmp_path):
    generator = np.random.default_rng(5)
    alarms = 0
    for k in range(20):
        sex, origin, decisions = (np.repeat(generator.integers(0, m, 60), 10) for m in (2, 3, 2))
        groups = {"sex": (sex, SEX), "origin": (origin, ("a", "b", "c"))}
        rows = planted(tmp_path / str(k), decisions=decisions, groups=groups, clusters=np.arange(600) // 10)
        alarms += min(adjusted(worst_subgroup(rows)), default=1.0) < 0.05

    assert alarms <= stats.binom.ppf(0.999, 20, 0.05)


def test_weights_are_used_to_confirm(tmp_path):
    weights = np.random.default_rng(6).random(3000) + 0.5
    rows, (sex, contract, decisions) = rows_of(tmp_path, gap=0.3, weights=weights)
    second = ~np.isin(np.arange(3000), rows.generator("worst_subgroup").permutation(3000)[:1500])
    inside = second & (sex == 0) & (contract == "short")

    evidence = worst_subgroup(rows)

    found = next(m for m in evidence.measurements if m.name == "selection_rate" and dict(m.slice) == {"sex": "female", "contract": "short"})
    assert found.value == pytest.approx(np.average(decisions[inside], weights=weights[inside]))


def test_missing_inputs_many_levels_and_constant_columns_are_survived(tmp_path):
    generator = np.random.default_rng(7)
    town = np.array([f"t{i}" for i in generator.integers(0, 60, 2000)], dtype=object)
    town[:50] = None
    income = np.where(generator.random(2000) < 0.1, np.nan, generator.normal(0, 1, 2000))
    inputs = {"town": town, "income": income, "constant": np.ones(2000), "nothing": np.full(2000, np.nan)}
    rows = planted(tmp_path, decisions=generator.integers(0, 2, 2000), inputs=inputs)

    evidence = worst_subgroup(rows)

    assert adjusted(evidence)
    assert {key for m in evidence.measurements for key in m.slice} <= {"town", "income"}


@pytest.mark.parametrize("n", [1, 2, 40])
def test_few_rows_are_not_searched(tmp_path, n):
    rows, _ = rows_of(tmp_path, n=n)

    evidence = worst_subgroup(rows)

    assert evidence.measurements == ()
    assert "30 rows" in evidence.absent[0].reason


def test_the_same_seed_gives_the_same_answer(tmp_path):
    rows, _ = rows_of(tmp_path)

    assert worst_subgroup(rows) == worst_subgroup(rows)


@pytest.mark.slow
def test_false_alarms_where_nothing_is_there_are_at_most_five_in_a_hundred(tmp_path):
    tries, alarms = 300, 0
    for k in range(tries):
        rows, _ = rows_of(tmp_path / str(k), n=1500, seed=1000 + k)
        alarms += min(adjusted(worst_subgroup(rows))) < 0.05

    assert stats.binom.ppf(0.001, tries, 0.02) <= alarms <= stats.binom.ppf(0.999, tries, 0.05)
