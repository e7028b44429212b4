"""Bad input, end to end: a finding or an absence that gives its reason, or one error in one line; never a number that hides it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audit.errors import NetassayError
from audit.results import AuditRun, Finding
from tests.contract.audited import audit
from tests.end_to_end.command import CONFIG, frame, write
from tests.smoke import subjects

DECISIONS = (("score", "decision"), ('"p"', '"d"'), ('"probabilities"', '"decision"'), ("[decision]", 'classes = ["0", "1"]\n[decision]'))
"""Changes to the audit file by which column d holds decided classes."""
ASKED = (
    *("sanity.labels", "data.group_levels", "data.representation"),
    *("fairness.error_rates", "fairness.equalized_odds", "fairness.selection_rates", "fairness.four_fifths"),
)
SOME = f"only = {json.dumps(ASKED)}\n{CONFIG}"


def changed(*replacements: tuple[str, str]) -> str:
    text = SOME
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def group(declared: str) -> str:
    """The audit file with the groups table replaced."""
    return changed(('sex = "sex"', declared))


def audited(folder: Path, data: pd.DataFrame | None = None, config: str = SOME) -> AuditRun:
    folder.mkdir(exist_ok=True)
    return audit(write(folder, data, config), folder / "runs").run


def refused(folder: Path, data: pd.DataFrame | None = None, config: str = SOME) -> str:
    """The one line of an error that ends the command with 2, and leaves no run behind."""
    with pytest.raises(NetassayError) as caught:
        audited(folder, data, config)

    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert {path.name for path in (folder / "runs").glob("*")} <= {".cache", ".lock", ".index-1.sqlite"}
    return str(caught.value)


def finding(run: AuditRun, check: str) -> Finding:
    return next(item for item in run.findings if item.check == check)


def reasons(found: Finding, level: str) -> dict[str, str]:
    """Reasons of what is absent for one level of sex."""
    return {item.name: item.reason for item in found.absent if item.slice == {"sex": level}}


def measured(found: Finding, level: str) -> set[str]:
    return {item.name for item in found.measurements if item.slice == {"sex": level}}


def value(found: Finding, name: str, level: str | None = None) -> float:
    return next(item.value for item in found.measurements if item.name == name and (level is None or item.slice == {"sex": level}))


# ---- levels and attributes --------------------------------------------------------------------------------------------------------------


def test_misspelt_levels_are_a_finding_that_names_them(tmp_path: Path) -> None:
    data = frame()
    data.loc[[1, 3], "sex"], data.loc[5, "sex"] = "femal", "Female "

    found = finding(audited(tmp_path, data), "data.group_levels")

    assert found.status == "attention"
    assert {row[1] for row in found.charts[0].rows} == {"'femal'", "'Female '"}


def test_a_question_mark_that_is_not_declared_unknown_is_found(tmp_path: Path) -> None:
    data = frame()
    data.loc[[1, 3], "sex"] = "?"

    assert "levels_like_unknown" in finding(audited(tmp_path, data), "data.group_levels").reason
    declared = group('sex = { column = "sex", unknown = ["?"] }')
    assert finding(audited(tmp_path / "declared", data, declared), "data.group_levels").status == "within"


def test_an_attribute_declared_twice_under_one_name_is_refused(tmp_path: Path) -> None:
    assert "not valid TOML" in refused(tmp_path, config=group('sex = "sex"\nsex = "sex"'))


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ('sex = { column = "sex", reference = "mael" }', "reference 'mael' is no level of column 'sex': did you mean 'male'?"),
        ('sex = { column = "sex", unknown = ["femle"] }', "unknown 'femle' is in no row of column 'sex': did you mean 'female'?"),
        ('sex = { column = "sex", unknown = ["Male"] }', "unknown 'Male' is in no row of column 'sex': did you mean 'male'?"),
        ('sex = { column = "sex", shares = { femal = 0.5, male = 0.5 } }', "shares 'femal' is no level of column 'sex': did you mean 'female'?"),
        ('sex = { column = "sex", shares = { F = 0.5, M = 0.5 } }', "shares 'F' is no level of column 'sex': expected one of 'female', 'male'"),
        ('sex = { column = "sex", shares = { female = 51, male = 49 } }', "the share of 'female' is 51; shares are proportions"),
        ('sex = { column = "sex", shares = { female = -0.1, male = 0.5 } }', "the share of 'female' is -0.1; shares are proportions"),
        ('sex = { column = "sex", shares = { female = 0.7, male = 0.7 } }', "the shares sum to 1.4; shares are proportions"),
        ('sex = "sex"\ngender = "sex"', "groups 'sex' and 'gender' are the same column 'sex', cut alike; declare it once"),
        ('sex = "sex"\ngender = { column = "sex", compare = "best" }', "groups 'sex' and 'gender' are the same column"),
        ('id = { column = "p", bins = [0.5] }\nsex = { column = "p", bins = [0.50] }', "groups 'id' and 'sex' are the same column 'p'"),
    ],
)
def test_a_wrong_group_table_is_refused_in_one_line(declared: str, words: str, tmp_path: Path) -> None:
    assert words in refused(tmp_path, config=group(declared))


@pytest.mark.parametrize(
    "declared",
    [
        'low = { column = "p", bins = [0.3] }\nhigh = { column = "p", bins = [0.7] }',
        'sex = "sex"\neach = { column = "sex", compare = "rest" }',
        'sex = "sex"\neach = { column = "sex", separator = ";" }',
        'sex = { column = "sex", unknown = ["?", "not told"] }',
    ],
)
def test_one_column_cut_in_two_ways_is_two_attributes(declared: str, tmp_path: Path) -> None:
    run = audited(tmp_path, config=group(declared).removeprefix(SOME.removesuffix(CONFIG)))

    assert not [item.trace for item in run.findings if item.status == "error"]


def test_an_unknown_value_that_is_in_the_data_may_be_spelt_like_a_level(tmp_path: Path) -> None:
    data = frame()
    data.loc[[0, 2], "sex"] = "Male"

    found = finding(audited(tmp_path, data, group('sex = { column = "sex", unknown = ["Male"] }')), "data.representation")

    assert next(m.counts for m in found.measurements if m.name == "unknown_membership_share") == {"rows": 2, "total": 200}


# ---- groups that lack something ---------------------------------------------------------------------------------------------------------


def test_a_declared_group_without_rows_has_a_share_of_zero_that_can_break_a_limit(tmp_path: Path) -> None:
    shares = 'sex = { column = "sex", shares = { other = 0.1, female = 0.4, male = 0.5 } }'
    limit = (
        "\n[checks.data.representation]\n"
        'limits.group_share_difference = { min = -0.05, because = "All are in the data", source = "a", owner = "b" }\n'
    )

    found = finding(audited(tmp_path, config=group(shares) + limit), "data.representation")

    assert value(found, "group_share", "other") == 0
    assert value(found, "group_share_difference", "other") == pytest.approx(-0.1)
    assert "sex: other has a declared share but no rows." in found.notes
    assert found.status == "outside"


@pytest.mark.parametrize(
    ("label", "gone", "kept"), [(0, "true_positive_rate", "false_positive_rate"), (1, "false_positive_rate", "true_positive_rate")]
)
def test_a_group_without_positives_or_negatives_has_no_such_rate(label: int, gone: str, kept: str, tmp_path: Path) -> None:
    data = frame()
    data.loc[data.sex == "female", "y"] = label

    run = audited(tmp_path, data)

    rates, odds = finding(run, "fairness.error_rates"), finding(run, "fairness.equalized_odds")
    assert "favourable label" in reasons(rates, "female")[gone]
    assert gone not in measured(rates, "female")
    assert kept in measured(rates, "female")
    assert "favourable label" in reasons(odds, "male")[f"{gone}_difference"]
    assert "favourable label" in reasons(odds, "male")["equalized_odds_difference"]


def test_the_difference_that_is_left_rests_on_its_own_rows(tmp_path: Path) -> None:
    data = frame()
    data.loc[data.sex == "female", "y"] = 0
    fewer = int((data[data.sex == "male"].y == 0).sum())

    found = finding(audited(tmp_path, data), "fairness.equalized_odds")

    assert next(m.n for m in found.measurements if m.name == "false_positive_rate_difference") == fewer


def test_a_group_of_one_row_is_shown_and_never_compared(tmp_path: Path) -> None:
    data = frame()
    data.loc[1, "sex"] = "other"

    run = audited(tmp_path, data)

    for check, name in (("selection_rates", "impact_ratio"), ("error_rates", "accuracy_difference"), ("four_fifths", "impact_ratio")):
        found = finding(run, f"fairness.{check}")
        assert "too few to compare" in reasons(found, "other")[name]
        assert name not in measured(found, "other")
    assert next(m.n for m in finding(run, "fairness.selection_rates").measurements if m.slice == {"sex": "other"}) == 1


# ---- labels and decisions ---------------------------------------------------------------------------------------------------------------


def test_a_favourable_class_that_no_row_is_decided_for_is_found(tmp_path: Path) -> None:
    three = (*DECISIONS, ('"binary"', '"multiclass"'), ('["0", "1"]', '["0", "1", "2"]'), ("favourable = [1]", "favourable = [2]"))
    data = frame().assign(d=lambda held: (held.p > 0.5).astype(int))

    run = audited(tmp_path, data, changed(*three))

    sanity = finding(run, "sanity.labels")
    assert sanity.status == "attention"
    assert value(sanity, "distinct_selections") == 1
    assert "divided by is zero" in reasons(finding(run, "fairness.selection_rates"), "male")["impact_ratio"]
    assert "0 selected" in reasons(finding(run, "fairness.four_fifths"), "male")["impact_ratio"]
    assert "favourable label" in reasons(finding(run, "fairness.error_rates"), "male")["true_positive_rate"]


def test_favourable_classes_that_are_all_classes_are_refused(tmp_path: Path) -> None:
    """Every group would be selected always, with a ratio of 1."""
    assert "names every class" in refused(tmp_path, config=changed(("favourable = [1]", "favourable = [0, 1]")))


def test_a_threshold_in_percent_selects_nobody_and_is_found(tmp_path: Path) -> None:
    run = audited(tmp_path, config=changed(("favourable = [1]", "favourable = [1]\nthreshold = 50")))

    assert "distinct_decisions is 1" in finding(run, "sanity.labels").reason


def test_nobody_selected_is_found_and_is_no_ratio_of_one(tmp_path: Path) -> None:
    run = audited(tmp_path, frame().assign(p=lambda held: held.p * 0.4))

    assert finding(run, "sanity.labels").status == "attention"
    assert "divided by is zero" in reasons(finding(run, "fairness.selection_rates"), "male")["impact_ratio"]


def test_no_favourable_label_at_all_is_outside_and_warns_every_other_finding(tmp_path: Path) -> None:
    run = audited(tmp_path, frame().assign(y=0))

    assert finding(run, "sanity.labels").status == "outside"
    assert any("distinct_labels is 1" in text for text in finding(run, "fairness.error_rates").blockers)
    assert "favourable label" in reasons(finding(run, "fairness.error_rates"), "female")["true_positive_rate"]


@pytest.mark.parametrize(
    "config",
    [changed(("score", "decision"), ('"p"', '"y"'), *DECISIONS[2:]), changed(('"p"', '"y"')), changed(('"y"', '"p"'))],
    ids=["decision", "score", "label"],
)
def test_one_column_as_label_and_prediction_is_refused(config: str, tmp_path: Path) -> None:
    assert "is the label and the prediction" in refused(tmp_path, config=config)


def test_label_and_score_swapped_are_refused(tmp_path: Path) -> None:
    words = refused(tmp_path, config=changed(('"p"', '"?"'), ('"y"', '"p"'), ('"?"', '"y"')))

    assert "label column 'p' holds" in words
    assert "none of the classes '0', '1'" in words


def test_labels_that_equal_every_decision_are_found(tmp_path: Path) -> None:
    sanity = finding(audited(tmp_path, frame().assign(d=lambda held: held.y), changed(*DECISIONS)), "sanity.labels")

    assert sanity.status == "attention"
    assert "differing_decisions is 0" in sanity.reason


def test_one_label_that_differs_from_its_decision_is_enough_not_to_be_suspected(tmp_path: Path) -> None:
    data = frame().assign(d=lambda held: np.where(held.index == 0, 1 - held.y, held.y))

    assert finding(audited(tmp_path, data, changed(*DECISIONS)), "sanity.labels").status == "within"


# ---- inputs, scores, weights ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", [True, False])
def test_a_protected_attribute_among_the_inputs_is_listed(declared: bool, tmp_path: Path) -> None:
    path = subjects.write_table_network(tmp_path, names=("age", "debt", "years", "score"))
    text = 'only = ["fairness.protected_inputs"]\n' + path.read_text(encoding="utf-8")
    path.write_text(text.replace('region = "region"', 'age = { column = "age", bins = [0] }') if declared else text, encoding="utf-8")

    found = finding(audit(path, tmp_path / "runs").run, "fairness.protected_inputs")

    assert value(found, "protected_inputs") == declared
    assert value(found, "inputs_named_like_protected") == (not declared)
    assert [row[0] for row in found.charts[0].rows] == ["age"]


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (1.0002, "must lie in [0, 1]; found 1.0002"),
        (-3.0, "must lie in [0, 1]; found -3"),
        ("high", "column 'p' holds predictions, but a value is no"),
    ],
)
def test_scores_out_of_range_and_words_are_refused_wherever_they_stand(score: float | str, words: str, tmp_path: Path) -> None:
    data = frame().astype({"p": object})
    data.loc[199, "p"] = score

    assert words in refused(tmp_path, data)


def test_scores_at_the_threshold_are_selected_and_counted(tmp_path: Path) -> None:
    data = frame().assign(p=lambda held: np.where(held.index < 40, 0.5, 0.1))

    found = finding(audited(tmp_path, data), "fairness.selection_rates")

    assert value(found, "selection_rate", "female") == value(found, "selection_rate", "male") == 0.2
    assert "40 rows lie exactly at the threshold of 0.5 and count as class 1." in found.notes


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf, "heavy"])
def test_a_weight_that_is_no_positive_number_is_refused(weight: float | str, tmp_path: Path) -> None:
    data = frame().assign(w=pd.Series(1.0, index=range(200), dtype=object))
    data.loc[7, "w"] = weight

    words = refused(tmp_path, data, changed(('id = "id"', 'id = "id"\nweight = "w"')))

    assert "weight column 'w'" in words
    assert "positive numbers" in words if weight == "heavy" else "first at row 7; weights must be above 0" in words
