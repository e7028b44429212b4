"""`fairness.selection_rates` against fairlearn, by hand, and in the cases where other tools report parity."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_ratio
from scipy import stats

from audit.checks.fairness.selection_rates import selection_rates
from audit.judge import judge
from audit.results import Criterion
from tests.audit.checks.planted import planted

SEX = ("female", "male")


def rows_of(folder, cells, levels=SEX, **settings):
    """Rows with (selected, total) per level."""
    codes = np.concatenate([np.full(total, i) for i, (_, total) in enumerate(cells)])
    decisions = np.concatenate([np.arange(total) < selected for selected, total in cells]).astype(int)
    return planted(folder, decisions=decisions, groups={"sex": (codes, levels)}, **settings)


def one(evidence, name, **where):
    return next(m for m in evidence.measurements if m.name == name and dict(m.slice) == where)


def test_rates_ratio_difference_and_counts_by_hand(tmp_path):
    evidence = selection_rates(rows_of(tmp_path, [(30, 100), (60, 120)]))

    assert one(evidence, "selection_rate", sex="female").value == pytest.approx(0.3)
    ratio = one(evidence, "impact_ratio", sex="female")
    assert ratio.value == pytest.approx(0.6)
    assert ratio.versus == {"sex": "male"}
    assert ratio.counts == {"selected": 30, "total": 100, "reference_selected": 60, "reference_total": 120}
    assert one(evidence, "selection_rate_difference", sex="female").value == pytest.approx(-0.2)
    assert one(evidence, "shortfall", sex="female").value == pytest.approx(20)
    # (30 + k) / 100 >= (60 - k) / 120 first at k = 11.
    assert one(evidence, "flip_count", sex="female").value == 11


def test_the_ratio_agrees_with_fairlearn(tmp_path):
    generator = np.random.default_rng(1)
    decisions, codes = generator.integers(0, 2, 400), generator.integers(0, 2, 400)
    expected = demographic_parity_ratio(decisions, decisions, sensitive_features=codes)

    evidence = selection_rates(planted(tmp_path, decisions=decisions, groups={"sex": (codes, SEX)}))

    assert min(m.value for m in evidence.measurements if m.name == "impact_ratio") == pytest.approx(expected)


def test_a_planted_gap_breaks_a_declared_four_fifths_limit_and_equal_rates_keep_it(tmp_path):
    limit = Criterion(measurement="impact_ratio", minimum=Decimal("0.8"), rule="four_fifths")
    gap = selection_rates(rows_of(tmp_path / "gap", [(150, 500), (300, 500)]))
    equal = selection_rates(rows_of(tmp_path / "equal", [(2500, 5000), (2500, 5000)]))

    assert judge(gap, [limit]).status == "outside"
    assert judge(equal, [limit]).status == "within"
    assert judge(gap, []).status == "informative"


def test_exactly_four_fifths_is_not_below(tmp_path):
    limit = Criterion(measurement="impact_ratio", minimum=Decimal("0.8"), rule="point")
    evidence = selection_rates(rows_of(tmp_path, [(12, 50), (15, 50)]))

    assert judge(evidence, [limit]).status == "within"


def test_a_reference_nobody_selected_leaves_the_ratio_absent_with_a_reason(tmp_path):
    evidence = selection_rates(rows_of(tmp_path, [(0, 40), (0, 50)]))

    assert not [m for m in evidence.measurements if m.name == "impact_ratio"]
    assert "zero" in next(a.reason for a in evidence.absent if a.name == "impact_ratio")


def test_four_rows_are_shown_and_not_compared(tmp_path):
    evidence = selection_rates(rows_of(tmp_path, [(1, 4), (50, 100)]))

    assert one(evidence, "selection_rate", sex="female").counts == {"selected": 1, "total": 4}
    assert next(a for a in evidence.absent if a.name == "impact_ratio").n == 4


def test_small_groups_are_tested_by_fisher(tmp_path):
    evidence = selection_rates(rows_of(tmp_path, [(2, 12), (40, 60)]))

    assert one(evidence, "p_value", sex="female").value == pytest.approx(stats.fisher_exact([[2, 10], [40, 20]]).pvalue)


def test_the_declared_reference_is_used_and_the_best_is_chosen_otherwise(tmp_path):
    declared = selection_rates(rows_of(tmp_path / "a", [(60, 100), (30, 100)], references={"sex": "male"}))
    chosen = selection_rates(rows_of(tmp_path / "b", [(60, 100), (30, 100)]))

    assert one(declared, "impact_ratio", sex="female").value == pytest.approx(2.0)
    assert one(chosen, "impact_ratio", sex="male").value == pytest.approx(0.5)


def test_a_tiny_group_with_the_best_rate_is_not_the_reference(tmp_path):
    evidence = selection_rates(rows_of(tmp_path, [(50, 100), (8, 8)]))

    assert one(evidence, "impact_ratio", sex="male").value == pytest.approx(2.0)


def test_unknown_membership_is_counted_into_bounds(tmp_path):
    codes = np.repeat([0, 1, -1], [100, 100, 20])
    decisions = np.concatenate([np.arange(100) < 30, np.arange(100) < 50, np.arange(20) < 5]).astype(int)

    evidence = selection_rates(planted(tmp_path, decisions=decisions, groups={"sex": (codes, SEX)}))

    assert one(evidence, "selection_rate_lower_bound", sex="female").value == pytest.approx(30 / 115)
    assert one(evidence, "selection_rate_upper_bound", sex="female").value == pytest.approx(35 / 105)


def crossed(folder, **settings):
    sex, race = np.tile([0, 1], 300), np.repeat([0, 1, 2], 200)
    decisions = np.random.default_rng(0).random(600) < np.where((sex == 0) & (race == 0), 0.1, 0.5)
    return planted(folder, decisions=decisions.astype(int), groups={"sex": (sex, SEX), "race": (race, ("a", "b", "c"))}, **settings)


def test_pairs_of_attributes_carry_wider_simultaneous_intervals(tmp_path):
    evidence = selection_rates(crossed(tmp_path))

    ratio = one(evidence, "impact_ratio", sex="female", race="a")
    assert ratio.simultaneous.comparisons == 5
    assert ratio.simultaneous.low <= ratio.low <= ratio.high <= ratio.simultaneous.high
    assert ratio.simultaneous.high < 1
    assert one(evidence, "impact_ratio", sex="female").simultaneous is None


def test_cells_of_pairs_add_up_to_the_groups(tmp_path):
    evidence = selection_rates(crossed(tmp_path))
    cells = [m for m in evidence.measurements if m.name == "selection_rate" and set(m.slice) == {"sex", "race"} and m.slice["sex"] == "female"]

    whole = one(evidence, "selection_rate", sex="female").counts
    assert {key: sum(m.counts[key] for m in cells) for key in whole} == whole


def test_weighted_rates_use_weights_and_claim_no_counts(tmp_path):
    weights = np.tile([3.0, 1.0], 110)
    rows = rows_of(tmp_path, [(30, 100), (60, 120)], weights=weights)

    rate = one(selection_rates(rows), "selection_rate", sex="female")

    assert rate.counts is None
    assert rate.value == pytest.approx(weights[:30].sum() / weights[:100].sum())
    assert "effective n" in rate.method


def test_clusters_widen_the_intervals(tmp_path):
    plain = one(selection_rates(rows_of(tmp_path / "a", [(50, 100), (60, 120)])), "selection_rate", sex="female")
    clustered = one(selection_rates(rows_of(tmp_path / "b", [(50, 100), (60, 120)], clusters=np.arange(220) // 10)), "selection_rate", sex="female")

    assert clustered.high - clustered.low > 2 * (plain.high - plain.low)


def test_a_census_has_no_intervals(tmp_path):
    assert all(m.low is None for m in selection_rates(rows_of(tmp_path, [(30, 100), (60, 120)], census=True)).measurements)


def test_without_a_favourable_class_every_class_has_its_rates(tmp_path):
    rows = rows_of(tmp_path, [(30, 100), (60, 120)], task="multiclass", classes=("x", "y", "z"), favourable=())

    assert {m.at["class"] for m in selection_rates(rows).measurements} == {"x", "y", "z"}


def test_the_favourable_class_may_be_class_zero(tmp_path):
    evidence = selection_rates(rows_of(tmp_path, [(30, 100), (60, 120)], favourable=(0,)))

    assert one(evidence, "selection_rate", sex="female").value == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("codes", "levels"),
    [([0], ("only",)), ([-1], ("only",)), ([0] * 50, ("only",)), (list(range(300)) * 2, tuple(map(str, range(300))))],
    ids=["one row", "one unknown row", "one level", "300 levels"],
)
def test_odd_shapes_are_answered(tmp_path, codes, levels):
    rows = planted(tmp_path, decisions=np.arange(len(codes)) % 2, groups={"sex": (codes, levels)})

    assert {m.name for m in selection_rates(rows).measurements} | {a.name for a in selection_rates(rows).absent} <= set(selection_rates.measures)


def test_ties_at_the_threshold_are_counted(tmp_path):
    scores = np.array([0.5, 0.5, 0.4, 0.9] * 10)
    evidence = selection_rates(planted(tmp_path, scores=scores, groups={"sex": (np.arange(40) % 2, ("female", "male"))}))

    assert any("20 rows lie exactly at the threshold of 0.5 and count as class 1" in note for note in evidence.notes)


def test_pairs_of_attributes_cut_from_one_column_are_no_comparison(tmp_path):
    generator = np.random.default_rng(0)
    codes = {name: generator.integers(0, 2, 400) for name in ("a", "b", "c")}
    rows = planted(tmp_path, decisions=generator.integers(0, 2, 400), groups={name: (held, ("no", "yes")) for name, held in codes.items()})
    specs = tuple(replace(spec, column="race" if spec.name in ("a", "b") else "sex") for spec in rows.facts.groups)
    rows.facts = replace(rows.facts, groups=specs)

    crossed = {tuple(item.slice) for item in selection_rates(rows).measurements if len(item.slice) == 2}

    assert crossed == {("a", "c"), ("b", "c")}
