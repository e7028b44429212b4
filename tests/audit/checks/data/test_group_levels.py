"""`data.group_levels` on attributes with planted misspellings, and on ones that only seem to have some."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audit.checks.data.group_levels import group_levels
from audit.data.dataset import GroupSpec
from audit.judge import judge
from audit.results import Evidence
from audit.rows import Rows
from tests.audit.checks.planted import binary_facts, planted


def rows(folder: Path, **counts: int) -> Rows:
    levels = tuple(counts)
    codes = np.repeat(np.arange(len(levels)), list(counts.values()))
    return planted(folder, decisions=np.zeros(len(codes), int), groups={"sex": (codes, levels)})


def value(evidence: Evidence, name: str) -> float:
    return next(m.value for m in evidence.measurements if m.name == name)


def test_planted_misspellings_are_counted_listed_and_in_need_of_attention(tmp_path: Path) -> None:
    held = rows(tmp_path, **{"Female ": 1, "femal": 2, "female": 97, "male": 100})
    evidence = group_levels(held)

    assert value(evidence, "look_alike_pairs") == 2
    assert value(evidence, "look_alike_rows") == 3
    listed = [row[:5] for row in evidence.charts[0].rows]
    assert listed == [["sex", "'Female '", 1, "'female'", 97], ["sex", "'femal'", 2, "'female'", 97]]
    assert judge(evidence, group_levels.criteria).status == "attention"


def test_levels_that_differ_by_a_letter_and_are_both_common_do_not_look_alike(tmp_path: Path) -> None:
    evidence = group_levels(rows(tmp_path, Black=40, Blank=60))

    assert value(evidence, "look_alike_pairs") == 0
    assert not evidence.charts
    assert judge(evidence, group_levels.criteria).status == "within"


def test_the_same_word_in_two_cases_looks_alike_however_common_both_are(tmp_path: Path) -> None:
    assert value(group_levels(rows(tmp_path, male=50, Male=50)), "look_alike_pairs") == 1


def test_what_counts_as_rare_is_a_setting(tmp_path: Path) -> None:
    held = rows(tmp_path, female=90, femals=9)

    assert [value(group_levels(held, rare=rare), "look_alike_pairs") for rare in (0.05, 0.2)] == [0, 1]


@pytest.mark.parametrize("levels", [("female", "male"), ("1", "2"), ("18-25", "26-35"), ("<25", "≥25"), ("F", "M"), ("only",)])
def test_ordinary_levels_raise_no_alarm_though_one_is_rare(tmp_path: Path, levels: tuple[str, ...]) -> None:
    held = rows(tmp_path, **dict(zip(levels, (1000, 3), strict=False)))

    assert value(group_levels(held), "look_alike_pairs") == 0


def test_levels_made_of_cut_points_are_left_alone(tmp_path: Path) -> None:
    spec = GroupSpec(name="age", column="age", levels=("<25", "25–40"), bins=(25.0, 40.0))
    held = planted(tmp_path, decisions=np.zeros(4, int), groups={"age": ([0, 0, 1, 1], spec.levels)})
    held.facts = replace(held.facts, groups=(spec,))

    assert not group_levels(held).measurements


def test_values_that_are_attributes_of_their_own_are_compared_with_each_other(tmp_path: Path) -> None:
    parts = [("white", np.r_[np.zeros(99), 1]), ("whtie", np.r_[np.ones(99), 0])]
    groups = {f"race: {name}": (codes.astype(int), (name, "others")) for name, codes in parts}
    held = planted(tmp_path, decisions=np.zeros(100, int), groups=groups)
    specs = tuple(GroupSpec(name=f"race: {name}", column="race", levels=(name, "others"), part=name) for name, _ in parts)
    held.facts = replace(binary_facts(), groups=specs)

    evidence = group_levels(held)

    assert value(evidence, "look_alike_pairs") == 1
    assert evidence.measurements[0].at == {"attribute": "race"}


def test_members_of_no_group_are_in_no_level(tmp_path: Path) -> None:
    held = planted(tmp_path, decisions=np.zeros(6, int), groups={"sex": ([-1, -1, 0, 0, 0, 1], ("Male", "male"))})

    assert value(group_levels(held), "look_alike_rows") == 1


def test_levels_that_read_as_unknown_are_counted_and_listed(tmp_path: Path) -> None:
    evidence = group_levels(rows(tmp_path, **{" ": 2, "?": 3, "Not stated": 1, "female": 50, "none": 5}))

    assert value(evidence, "levels_like_unknown") == 3
    assert [row[1] for row in evidence.charts[0].rows] == ["' '", "'?'", "'Not stated'"]
    assert judge(evidence, group_levels.criteria).status == "attention"
