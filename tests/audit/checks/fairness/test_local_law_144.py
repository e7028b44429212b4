"""`fairness.local_law_144`: the three cuts, both forms, and the traps that published summaries fell into."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from audit.checks.fairness.local_law_144 import local_law_144
from audit.discovery import checks
from tests.audit.checks.planted import planted

SEX, RACE = ("female", "male"), ("A", "B", "C")


def random_rows(folder, n=600, seed=3, **settings):
    generator = np.random.default_rng(seed)
    sex, race = generator.integers(-1, 2, n), generator.choice([-1, 0, 1, 2], n, p=[0.05, 0.5, 0.44, 0.01])
    scores = np.round(generator.random(n), 2)
    rows = planted(folder, scores=scores, groups={"sex": (sex, SEX), "race": (race, RACE)}, **settings)
    return rows, pd.DataFrame({"sex": sex, "race": race, "score": scores, "selected": scores >= 0.5})


def value(evidence, name, *, at, **where):
    return next(m for m in evidence.measurements if m.name == name and dict(m.slice) == where and dict(m.at) == at)


def absent(evidence, name, **where):
    return next(a for a in evidence.absent if a.name == name and dict(a.slice) == where)


SELECTION, SCORING = {"form": "selection"}, {"form": "scoring"}


@pytest.mark.parametrize("keys", [["sex"], ["race"], ["sex", "race"]])
def test_rates_and_ratios_of_all_three_cuts_agree_with_pandas(tmp_path, keys):
    rows, frame = random_rows(tmp_path)
    frame["above"] = frame["score"] > frame["score"].median()
    known = frame[(frame[keys] >= 0).all(axis=1)]
    names = {"sex": SEX, "race": RACE}

    evidence = local_law_144(rows)

    for column, rate, at in (("selected", "selection_rate", SELECTION), ("above", "scoring_rate", SCORING)):
        expected = known.groupby(keys)[column].mean()
        for codes, share in expected.items():
            where = {key: names[key][code] for key, code in zip(keys, np.atleast_1d(codes), strict=True)}
            assert value(evidence, rate, at=at, **where).value == pytest.approx(share)
            assert value(evidence, "impact_ratio", at=at, **where).value == pytest.approx(share / expected.max())


def test_rows_of_unknown_membership_are_counted_in_each_table(tmp_path):
    rows, frame = random_rows(tmp_path)

    evidence = local_law_144(rows)

    for table, mask in (("sex", frame.sex < 0), ("race", frame.race < 0), ("sex × race", (frame.sex < 0) | (frame.race < 0))):
        assert value(evidence, "unknown_membership", at={**SELECTION, "table": table}).value == mask.sum()


def small_category(folder):
    """Category C holds 3 of 403 rows and is always selected; B at 1/2, A at 1/4."""
    race = np.repeat([0, 1, 2], [200, 200, 3])
    decisions = np.concatenate([np.arange(200) < 50, np.arange(200) < 100, np.ones(3, dtype=bool)]).astype(int)
    return planted(folder, decisions=decisions, groups={"sex": (np.arange(403) % 2, SEX), "race": (race, RACE)})


def test_a_the_reference_is_chosen_after_exclusions(tmp_path):
    evidence = local_law_144(small_category(tmp_path), leave_out=("C",), justification="Three applicants.")

    ratio = value(evidence, "impact_ratio", at=SELECTION, race="A")
    assert ratio.value == 0.5
    assert ratio.versus == {"race": "B"}
    assert absent(evidence, "impact_ratio", race="C").reason == "Left out of the ratios, as declared."
    assert value(evidence, "selection_rate", at=SELECTION, race="C").counts == {"selected": 3, "total": 3}
    assert any("Three applicants." in note for note in evidence.notes)


def test_no_category_is_left_out_unless_it_is_named(tmp_path):
    evidence = local_law_144(small_category(tmp_path))

    assert value(evidence, "impact_ratio", at=SELECTION, race="A").value == 0.25
    assert value(evidence, "impact_ratio", at=SELECTION, race="C").value == 1


def test_no_category_is_left_out_without_a_justification(tmp_path):
    evidence = local_law_144(small_category(tmp_path), leave_out=("C",), justification=" ")

    assert value(evidence, "impact_ratio", at=SELECTION, race="A").value == 0.25
    assert evidence.blockers == ("C is not left out: the setting 'justification' is empty.",)


def test_f_a_category_of_two_percent_or_more_stays_and_the_base_is_printed(tmp_path):
    evidence = local_law_144(small_category(tmp_path), leave_out=("A",), justification="Too few.")

    assert evidence.blockers == ("A is not left out: 200 of 403 rows is not less than 2%.",)
    assert "race: 2 % of the 403 rows of known membership is 8.06 rows." in evidence.notes
    assert value(evidence, "impact_ratio", at=SELECTION, race="A").value == 0.25


def test_a_misspelt_category_is_named_with_the_nearest(tmp_path):
    evidence = local_law_144(small_category(tmp_path), leave_out=("femal × A",), justification="Few.")

    assert any("female × A" in blocker for blocker in evidence.blockers)


def test_a_category_left_out_by_race_stays_in_the_table_of_both(tmp_path):
    evidence = local_law_144(small_category(tmp_path), leave_out=("C",), justification="Three applicants.")

    assert value(evidence, "impact_ratio", at=SELECTION, sex="female", race="C").value == 1


def test_b_the_ratio_is_of_unrounded_rates(tmp_path):
    sex = np.repeat([0, 1], [470, 460])
    decisions = np.concatenate([np.arange(470) < 162, np.arange(460) < 200]).astype(int)

    evidence = local_law_144(planted(tmp_path, decisions=decisions, groups={"sex": (sex, SEX)}))

    assert value(evidence, "impact_ratio", at=SELECTION, sex="female").value == (162 * 460) / (470 * 200)


def test_c_categories_that_tie_for_the_highest_rate_all_have_one(tmp_path):
    race = np.repeat([0, 1, 2], [30, 90, 40])
    decisions = np.concatenate([np.arange(30) < 10, np.arange(90) < 30, np.arange(40) < 5]).astype(int)

    evidence = local_law_144(planted(tmp_path, decisions=decisions, groups={"race": (race, RACE)}))

    assert [value(evidence, "impact_ratio", at=SELECTION, race=level).value for level in "AB"] == [1, 1]
    assert "race: 2 categories share the highest rate and all have a ratio of 1." in evidence.notes


def test_d_the_share_of_rows_on_the_median_is_shown(tmp_path):
    scores = np.array([0.1] * 20 + [0.5] * 70 + [0.9] * 10)

    evidence = local_law_144(planted(tmp_path, scores=scores, groups={"sex": (np.arange(100) % 2, SEX)}))

    assert value(evidence, "share_at_median", at=SCORING).value == 0.7
    assert value(evidence, "scoring_rate", at=SCORING, sex="female").value == 0.1
    assert any("10.0 % of rows lie strictly above it, 70.0 % on it" in note for note in evidence.notes)


def test_e_the_full_sample_is_with_or_without_unknown_members_and_says_which(tmp_path):
    scores, sex = np.array([0.1, 0.2, 0.3, 0.4, 0.8, 0.9]), np.array([0, 1, 0, 1, -1, -1])
    rows = planted(tmp_path, scores=scores, groups={"sex": (sex, SEX)})
    with_unknown, without = local_law_144(rows), local_law_144(rows, unknown_in_median=False)

    assert value(with_unknown, "median_score", at=SCORING).value == pytest.approx(0.35)
    assert value(without, "median_score", at=SCORING).value == pytest.approx(0.25)
    assert value(with_unknown, "scoring_rate", at=SCORING, sex="female").value == 0
    assert value(without, "scoring_rate", at=SCORING, sex="female").value == 0.5
    assert any("including those of unknown membership" in note for note in with_unknown.notes)
    assert any("leaving out those of unknown membership" in note for note in without.notes)


def test_g_totals_that_differ_between_the_tables_are_explained(tmp_path):
    rows, frame = random_rows(tmp_path)
    marginal = int((frame.race == 0).sum())
    inner = int(((frame.race == 0) & (frame.sex >= 0)).sum())

    evidence = local_law_144(rows)

    expected = f"A has {marginal:,} rows by race and {inner:,} in the table of both: the sex of {marginal - inner:,} is unknown."
    assert expected in evidence.notes


def test_tables_without_unknown_members_have_equal_totals(tmp_path):
    assert not any("in the table of both" in note for note in local_law_144(small_category(tmp_path)).notes)


def test_weighted_rows_are_not_counted_as_persons(tmp_path):
    rows, _ = random_rows(tmp_path, weights=np.linspace(1, 2, 600))

    evidence = local_law_144(rows)

    assert evidence.measurements == ()
    assert [a.reason for a in evidence.absent] == ["The tables count persons, and these rows are weighted."]


def test_a_missing_attribute_is_absent_with_the_nearest_name(tmp_path):
    rows, _ = random_rows(tmp_path)

    evidence = local_law_144(rows, race="rase")

    assert "race" in absent(evidence, "impact_ratio").reason
    assert [chart.title for chart in evidence.charts] == ["Selection rate by sex", "Scoring rate by sex"]


def test_nobody_selected_leaves_ratios_absent(tmp_path):
    evidence = local_law_144(planted(tmp_path, decisions=np.zeros(10, dtype=int), groups={"sex": (np.arange(10) % 2, SEX)}))

    assert absent(evidence, "impact_ratio", sex="female").reason == "The highest rate is zero."
    assert value(evidence, "selection_rate", at=SELECTION, sex="male").value == 0


def test_rows_without_a_finite_score_take_no_part_in_scoring_rates(tmp_path):
    scores = np.array([0.1, 0.2, 0.8, 0.9, np.nan, np.nan])

    evidence = local_law_144(planted(tmp_path, scores=scores, groups={"sex": (np.array([0, 1, 0, 1, 0, 0]), SEX)}))

    assert value(evidence, "scoring_rate", at=SCORING, sex="female").counts == {"selected": 1, "total": 2}
    assert value(evidence, "selection_rate", at=SELECTION, sex="female").counts == {"selected": 1, "total": 4}


@pytest.mark.parametrize("scores", [[0.7], [np.nan], [0.5, 0.5, 0.5]])
def test_it_survives_one_row_and_equal_scores(tmp_path, scores):
    evidence = local_law_144(planted(tmp_path, scores=np.array(scores), groups={"sex": (np.zeros(len(scores), dtype=int), SEX)}))

    assert {a.name for a in evidence.absent} <= {"selection_rate", "scoring_rate", "impact_ratio"}


def test_without_a_favourable_class_each_class_has_its_table(tmp_path):
    rows = planted(
        tmp_path,
        decisions=np.arange(30) % 3,
        groups={"sex": (np.arange(30) // 15, SEX)},
        task="multiclass",
        classes=("x", "y", "z"),
        favourable=(),
    )

    evidence = local_law_144(rows)

    assert value(evidence, "selection_rate", at={"form": "selection", "class": "y"}, sex="male").value == pytest.approx(1 / 3)
    assert absent(evidence, "scoring_rate").reason == "The rows have no single score."


def test_it_runs_only_when_the_audit_file_names_it():
    assert checks()["fairness.local_law_144"].default is False
