"""`fairness.intersections`: a planted crossing is found, small cells are only counted, and the family is stated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from audit.checks.fairness.intersections import intersections
from tests.audit.checks.planted import planted

SEX, AGE, ORIGIN = ("female", "male"), ("young", "old"), ("a", "b", "c")


def rows_of(folder, n=4000, seed=1, gap=0.0, labels=True, **settings):
    """Selection at one half, lower by `gap` for old women only."""
    generator = np.random.default_rng(seed)
    sex, age, origin = generator.integers(-1, 2, n), generator.integers(0, 2, n), generator.choice(3, n, p=[0.6, 0.399, 0.001])
    decisions = (generator.random(n) < 0.5 - gap * ((sex == 0) & (age == 1))).astype(int)
    known = generator.integers(-1, 2, n) if labels else None
    rows = planted(folder, decisions=decisions, labels=known, groups={"sex": (sex, SEX), "age": (age, AGE), "origin": (origin, ORIGIN)}, **settings)
    frame = pd.DataFrame({"sex": sex, "age": age, "origin": origin, "decision": decisions})
    return rows, frame if known is None else frame.assign(label=known)


def value(evidence, name, at=None, **where):
    return next(m for m in evidence.measurements if m.name == name and dict(m.slice) == where and dict(m.at) == (at or {}))


@pytest.mark.parametrize(("rate", "label"), [("selection_rate", None), ("true_positive_rate", 1), ("false_positive_rate", 0)])
def test_rates_and_differences_from_the_rest_agree_with_pandas(tmp_path, rate, label):
    rows, frame = rows_of(tmp_path)
    frame = frame[frame.sex >= 0] if label is None else frame[(frame.sex >= 0) & (frame.label == label)]

    evidence = intersections(rows)

    cell = (frame.sex == 0) & (frame.age == 1)
    assert value(evidence, rate, sex="female", age="old").value == pytest.approx(frame[cell].decision.mean())
    found = value(evidence, f"{rate}_difference", sex="female", age="old")
    assert found.value == pytest.approx(frame[cell].decision.mean() - frame[~cell].decision.mean())
    assert found.versus == {"sex × age": "the rest"}


def test_a_planted_crossing_stands_out_after_all_corrections(tmp_path):
    rows, _ = rows_of(tmp_path, gap=0.25)

    evidence = intersections(rows)

    cell = {"sex": "female", "age": "old"}
    assert evidence.charts[0].rows[0][0] == "sex female, age old"
    assert value(evidence, "p_value_holm", at={"rate": "selection_rate"}, **cell).value < 0.001
    assert value(evidence, "selection_rate_difference", **cell).simultaneous.high < 0


def test_equal_treatment_gives_no_alarm_after_correction(tmp_path):
    rows, _ = rows_of(tmp_path, seed=4)

    evidence = intersections(rows)

    assert min(m.value for m in evidence.measurements if m.name == "p_value_holm") > 0.05
    gaps = [m.simultaneous for m in evidence.measurements if m.name.endswith("_difference")]
    assert all(family.low < 0 < family.high for family in gaps)


def test_the_number_of_comparisons_is_that_of_rated_cells_and_rates(tmp_path):
    rows, frame = rows_of(tmp_path, labels=False)
    attributes = ["sex", "age", "origin"]
    expected = 0
    for keys in (["sex"], ["age"], ["origin"], ["sex", "age"], ["sex", "origin"], ["age", "origin"], attributes):
        expected += int((frame[(frame[keys] >= 0).all(axis=1)].groupby(keys).size() >= 5).sum())

    evidence = intersections(rows)

    assert value(evidence, "comparisons").value == expected
    assert {m.simultaneous.comparisons for m in evidence.measurements if m.simultaneous} == {expected}
    assert any(note.startswith(f"{expected} cells and rates were compared.") for note in evidence.notes)


def test_cells_of_fewer_than_five_rows_are_listed_and_never_rated(tmp_path):
    rows, frame = rows_of(tmp_path, labels=False)
    small = frame[frame.sex >= 0].groupby(["sex", "age", "origin"]).size()
    small = small[small < 5]
    assert len(small) > 0

    evidence = intersections(rows)

    listed = {row[0]: row[1] for row in evidence.charts[1].rows}
    for (sex, age, origin), count in small.items():
        where = {"sex": SEX[sex], "age": AGE[age], "origin": ORIGIN[origin]}
        assert listed[f"sex {where['sex']}, age {where['age']}, origin {where['origin']}"] == count
        assert not any(dict(m.slice) == where for m in evidence.measurements)


def test_a_family_interval_is_never_narrower_than_the_plain_one_for_enough_counts(tmp_path):
    rows, _ = rows_of(tmp_path)

    for m in intersections(rows).measurements:
        if m.name.endswith("_difference") and "max-T" in m.simultaneous.method:
            assert m.simultaneous.high - m.simultaneous.low > m.high - m.low


def test_the_table_is_bounded_and_says_how_much_is_left_out(tmp_path):
    rows, _ = rows_of(tmp_path)
    everything = value(intersections(rows), "comparisons").value

    evidence = intersections(rows, shown=10)

    assert len(evidence.charts[0].rows) == 10
    assert f"{int(everything) - 10} cells and rates with smaller differences are left out of the table." in evidence.notes


def test_order_one_makes_no_crossings(tmp_path):
    rows, _ = rows_of(tmp_path)

    assert {len(m.slice) for m in intersections(rows, order=1).measurements} == {0, 1}


def test_clustered_copies_of_rows_are_no_evidence(tmp_path):
    generator = np.random.default_rng(2)
    sex, age, decisions = (np.repeat(generator.integers(0, 2, 250), 8) for _ in range(3))
    groups = {"sex": (sex, SEX), "age": (age, AGE)}
    plain = intersections(planted(tmp_path / "plain", decisions=decisions, groups=groups))
    clustered = intersections(planted(tmp_path / "clustered", decisions=decisions, groups=groups, clusters=np.arange(2000) // 8))

    where = {"sex": "female", "age": "old"}
    widths = [m.simultaneous.high - m.simultaneous.low for m in (value(e, "selection_rate_difference", **where) for e in (plain, clustered))]
    assert widths[1] / widths[0] == pytest.approx(np.sqrt(8), rel=0.25)


def test_weights_enter_the_rates(tmp_path):
    weights = np.random.default_rng(3).random(4000) + 0.5
    rows, frame = rows_of(tmp_path, weights=weights)
    cell = (frame.sex == 0) & (frame.age == 1)

    found = value(intersections(rows), "selection_rate", sex="female", age="old")

    assert found.value == pytest.approx(np.average(frame[cell].decision, weights=weights[cell]))


@pytest.mark.parametrize("n", [1, 4, 12])
def test_it_survives_few_rows(tmp_path, n):
    rows, _ = rows_of(tmp_path, n=n)

    evidence = intersections(rows)

    assert evidence.measurements or evidence.absent


def test_it_survives_three_hundred_groups_and_unknown_membership(tmp_path):
    generator = np.random.default_rng(6)
    groups = {"place": (generator.integers(0, 300, 3000), [f"p{i}" for i in range(300)]), "sex": (np.full(3000, -1), SEX)}

    evidence = intersections(planted(tmp_path, decisions=generator.integers(0, 2, 3000), groups=groups))

    assert {tuple(m.slice) for m in evidence.measurements} == {(), ("place",)}


def test_a_cell_that_holds_all_rows_has_no_rest(tmp_path):
    evidence = intersections(planted(tmp_path, decisions=np.arange(40) % 2, groups={"sex": (np.zeros(40, dtype=int), ("only",))}))

    assert evidence.measurements == ()
    assert "1 cells hold all rows but fewer than 5, so there is no rest to hold them against." in evidence.notes


@pytest.mark.slow
def test_false_alarms_after_holm_and_outside_the_family_intervals_keep_to_five_in_a_hundred(tmp_path):
    tries, by_holm, by_interval = 200, 0, 0
    for k in range(tries):
        rows, _ = rows_of(tmp_path / str(k), n=1500, seed=2000 + k, labels=False)
        evidence = intersections(rows, resamples=400)
        by_holm += min(m.value for m in evidence.measurements if m.name == "p_value_holm") < 0.05
        families = [m.simultaneous for m in evidence.measurements if m.name == "selection_rate_difference"]
        by_interval += any(family.low > 0 or family.high < 0 for family in families)

    assert by_holm <= stats.binom.ppf(0.999, tries, 0.05)
    assert by_interval <= stats.binom.ppf(0.999, tries, 0.06)  # the bootstrap's spread is itself estimated


def test_attributes_cut_from_one_column_are_not_crossed(tmp_path):
    generator = np.random.default_rng(0)
    codes = {name: generator.integers(0, 2, 400) for name in ("a", "b", "c")}
    rows = planted(tmp_path, decisions=generator.integers(0, 2, 400), groups={name: (held, ("no", "yes")) for name, held in codes.items()})
    specs = tuple(replace(spec, column="race" if spec.name in ("a", "b") else "sex") for spec in rows.facts.groups)
    rows.facts = replace(rows.facts, groups=specs)

    crossed = {tuple(sorted(item.slice)) for item in intersections(rows).measurements if len(item.slice) > 1}

    assert crossed == {("a", "c"), ("b", "c")}
