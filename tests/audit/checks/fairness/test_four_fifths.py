"""`fairness.four_fifths`: planted groups in each cell of the grid, by hand and by scipy."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import chi2_contingency, fisher_exact

from audit.checks.fairness.four_fifths import four_fifths
from tests.audit.checks.planted import planted

LEVELS = ("a", "b", "c", "d", "e", "f")
CELLS = [(150, 500), (6, 20), (440, 1000), (49, 100), (500, 1000), (1, 3)]
"""(selected, total) of: clearly below, below but few, small real difference, none, the reference, too few rows."""


def rows_of(folder, cells=CELLS, **settings):
    codes = np.concatenate([np.full(total, i) for i, (_, total) in enumerate(cells)])
    decisions = np.concatenate([np.arange(total) < selected for selected, total in cells]).astype(int)
    return planted(folder, decisions=decisions, groups={"origin": (codes, LEVELS[: len(cells)])}, **settings)


def value(evidence, name, level):
    return next(m for m in evidence.measurements if m.name == name and dict(m.slice) == {"origin": level})


def table(evidence):
    chart = evidence.charts[0]
    return {row[0]: dict(zip(chart.columns, row, strict=True)) for row in chart.rows}


def test_each_planted_group_falls_into_its_cell_of_the_grid(tmp_path):
    found = table(four_fifths(rows_of(tmp_path)))

    assert {level: row["cell of the grid"] for level, row in found.items()} == {
        "a": "below 4/5, beyond chance",
        "b": "below 4/5, within chance",
        "c": "at least 4/5, beyond chance",
        "d": "at least 4/5, within chance",
        "e": "reference",
        "f": "not placed",
    }


def test_the_numbers_of_a_group_by_hand_and_by_scipy(tmp_path):
    evidence = four_fifths(rows_of(tmp_path))

    ratio = value(evidence, "impact_ratio", "a")
    assert ratio.value == pytest.approx(0.6)
    assert (ratio.versus, ratio.n) == ({"origin": "e"}, 500)
    assert ratio.low < 0.6 < ratio.high
    assert value(evidence, "below_four_fifths", "a").value == 1
    assert value(evidence, "shortfall", "a").value == pytest.approx(100)
    # (150 + k) / 500 >= 0.8 (500 - k) / 1000 first at k = 36: 0.372 against 0.3712.
    assert value(evidence, "flips_to_four_fifths", "a").value == 36
    assert value(evidence, "flips_to_reverse", "a").value == 67
    expected = chi2_contingency(np.array([[150, 350], [500, 500]]), correction=False).pvalue
    assert value(evidence, "p_value", "a").value == pytest.approx(expected)
    assert value(evidence, "p_value", "b").value == pytest.approx(fisher_exact([[6, 14], [500, 500]]).pvalue)


def test_holm_counts_the_groups_that_were_tested(tmp_path):
    evidence = four_fifths(rows_of(tmp_path))
    raw = sorted(value(evidence, "p_value", level).value for level in "abcd")

    adjusted = sorted(value(evidence, "p_value_holm", level).value for level in "abcd")
    assert adjusted == pytest.approx([min(1.0, max(raw[j] * (4 - j) for j in range(i + 1))) for i in range(4)])


def test_the_adjusted_p_value_can_place_the_groups(tmp_path):
    cells = [(440, 1000), (480, 1000), (485, 1000), (490, 1000), (495, 1000), (500, 1000)]
    raw = table(four_fifths(rows_of(tmp_path / "raw", cells)))
    adjusted = table(four_fifths(rows_of(tmp_path / "holm", [(455, 1000), *cells[1:]]), decide_by="holm"))

    assert raw["a"]["cell of the grid"] == "at least 4/5, beyond chance"
    assert adjusted["a"]["p value"] < 0.05 < adjusted["a"]["Holm"]
    assert adjusted["a"]["cell of the grid"] == "at least 4/5, within chance"


def test_exactly_four_fifths_is_not_below_though_floats_say_so(tmp_path):
    # A ratio of exactly 4/5, 0.7999999999999999 in floats.
    evidence = four_fifths(rows_of(tmp_path, [(30, 50), (60, 80)]))

    assert (30 / 50) / (60 / 80) < 0.8
    assert value(evidence, "below_four_fifths", "a").value == 0
    assert value(evidence, "flips_to_four_fifths", "a").value == 0


def test_one_decision_that_carries_the_result_is_named(tmp_path):
    evidence = four_fifths(rows_of(tmp_path, [(7, 20), (20, 40)]))

    assert value(evidence, "flips_to_four_fifths", "a").value == 1
    assert "origin: one exchanged decision would lift a to 4/5." in evidence.notes


def test_groups_too_few_to_compare_are_counted_and_absent(tmp_path):
    evidence = four_fifths(rows_of(tmp_path))

    assert [(a.name, dict(a.slice), a.n) for a in evidence.absent] == [("impact_ratio", {"origin": "f"}, 3)]
    assert table(evidence)["f"]["selected"] == 1


def test_a_group_of_few_rows_does_not_become_the_reference(tmp_path):
    evidence = four_fifths(rows_of(tmp_path, [(10, 10), (50, 100), (30, 100)]))

    assert value(evidence, "impact_ratio", "c").versus == {"origin": "b"}


def test_the_declared_reference_serves_when_asked_for(tmp_path):
    rows = rows_of(tmp_path, references={"origin": "d"})

    assert value(four_fifths(rows), "impact_ratio", "a").versus == {"origin": "e"}
    assert value(four_fifths(rows, reference="declared"), "impact_ratio", "a").versus == {"origin": "d"}


def test_weighted_rows_are_not_counted_as_persons(tmp_path):
    evidence = four_fifths(rows_of(tmp_path, weights=np.linspace(1, 2, sum(n for _, n in CELLS))))

    assert evidence.measurements == ()
    assert "weighted" in evidence.absent[0].reason


def test_clustered_rows_keep_their_counts_and_are_tested_by_clusters(tmp_path):
    # Each row four times over, in clusters of four: the interval and the test must be those of a quarter of the rows.
    cells = [(160, 400), (200, 400)]
    codes = np.repeat([0, 1], 400)
    decisions = np.concatenate([np.arange(400) < s for s, _ in cells]).astype(int)
    rows = planted(tmp_path, decisions=decisions, groups={"origin": (codes, LEVELS[:2])}, clusters=np.arange(800) // 4)
    quarter = four_fifths(rows_of(tmp_path / "quarter", [(40, 100), (50, 100)]))

    evidence = four_fifths(rows)

    assert value(evidence, "impact_ratio", "a").counts["selected"] == 160
    assert value(evidence, "p_value", "a").value == pytest.approx(value(quarter, "p_value", "a").value, abs=0.01)


@pytest.mark.parametrize("cells", [[(0, 1)], [(1, 1)], [(0, 50), (0, 50)], [(5, 5), (5, 5)], [(50, 50)]])
def test_it_survives_one_row_one_group_and_nobody_selected(tmp_path, cells):
    evidence = four_fifths(rows_of(tmp_path, cells))

    assert len(evidence.charts[0].rows) == len(cells)


@pytest.mark.slow
def test_three_hundred_groups_and_a_million_rows_take_seconds_of_computing(tmp_path):
    generator = np.random.default_rng(5)
    codes, decisions = generator.integers(0, 300, 1_000_000), generator.integers(0, 2, 1_000_000)
    rows = planted(tmp_path, decisions=decisions, groups={"origin": (codes, [f"g{i}" for i in range(300)])})
    started = time.process_time()

    four_fifths(rows)

    assert time.process_time() - started < 15
