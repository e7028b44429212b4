"""Faults that fairness tools are known for, each as a test of ours; those that concern one method alone stand beside that method."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, demographic_parity_difference, equalized_odds_difference, false_negative_rate, true_positive_rate

from audit import discovery
from audit.checks.fairness.equalized_odds import equalized_odds
from audit.checks.fairness.error_rates import error_rates
from audit.checks.fairness.four_fifths import four_fifths
from audit.checks.fairness.intersections import intersections
from audit.checks.fairness.selection_rates import selection_rates
from audit.results import AuditRun, Evidence, Finding
from tests.audit.checks.planted import planted
from tests.contract.audited import audit
from tests.end_to_end.command import CONFIG, frame, write

SEX = ("female", "male")


def people(cells: Mapping[tuple[int, int, int], int]) -> dict[str, Any]:
    """Codes, labels and decisions from {(code, label, decision): rows}."""
    keys = np.repeat(np.array(list(cells)), list(cells.values()), axis=0)
    return {"labels": keys[:, 1], "decisions": keys[:, 2], "codes": keys[:, 0]}


def values(evidence: Evidence | Finding, name: str) -> dict[str, float]:
    """Values of one measurement by the levels it is about."""
    return {" ".join(m.slice.values()): m.value for m in evidence.measurements if m.name == name}


# ---- the whole population as denominator ------------------------------------------------------------------------------------------------


def test_groups_of_900_and_100_selected_alike_differ_by_nothing(tmp_path: Path) -> None:
    """Shares of the whole population would be 0.45 and 0.05, and a difference of counts 400."""
    codes = np.repeat([1, 0], [900, 100])
    decisions = np.concatenate([np.tile([0, 1], 450), np.tile([0, 1], 50)])

    evidence = selection_rates(planted(tmp_path, decisions=decisions, groups={"sex": (codes, SEX)}, references={"sex": "male"}))

    assert values(evidence, "selection_rate") == {"female": 0.5, "male": 0.5}
    assert values(evidence, "selection_rate_difference") == {"female": 0.0}
    assert values(evidence, "impact_ratio") == {"female": 1.0}


def test_no_rate_of_any_group_depends_on_the_size_of_the_others(tmp_path: Path) -> None:
    women = {(0, 1, 1): 30, (0, 1, 0): 20, (0, 0, 1): 10, (0, 0, 0): 40}
    few, many = ({**women, (1, 1, 1): n, (1, 1, 0): n, (1, 0, 1): n, (1, 0, 0): n} for n in (20, 500))
    found = []
    for folder, cells in (("few", few), ("many", many)):
        held = people(cells)
        rows = planted(tmp_path / folder, labels=held["labels"], decisions=held["decisions"], groups={"sex": (held["codes"], SEX)})
        found.append({m.name: m.value for m in error_rates(rows).measurements if m.slice == {"sex": "female"} and m.versus is None})

    assert found[0] == found[1]
    assert len(found[0]) == 9


# ---- tiny groups decide -----------------------------------------------------------------------------------------------------------------

LARGE = {(0, 1, 1): 300, (0, 1, 0): 200, (0, 0, 1): 100, (0, 0, 0): 400, (1, 1, 1): 250, (1, 1, 0): 250, (1, 0, 1): 150, (1, 0, 0): 350}
TINY = {(2, 1, 1): 1, (2, 0, 0): 1, (3, 1, 0): 1, (3, 0, 1): 3}
NAMES = ("African-American", "Caucasian", "Native American", "Asian")


def compas_like(folder: Path) -> tuple[Any, dict[str, Any]]:
    """Two groups of a thousand and two of 2 and 4 rows, with what fairlearn is asked."""
    held = people(LARGE | TINY)
    rows = planted(folder, labels=held["labels"], decisions=held["decisions"], groups={"race": (held["codes"], NAMES)})
    return rows, {"y_true": held["labels"], "y_pred": held["decisions"], "sensitive_features": held["codes"]}


def test_groups_of_two_and_four_rows_do_not_make_an_equalized_odds_difference_of_one(tmp_path: Path) -> None:
    rows, asked = compas_like(tmp_path)
    evidence = equalized_odds(rows)

    assert equalized_odds_difference(**asked) == 1.0  # the trap is real
    assert values(evidence, "largest_equalized_odds_gap")[""] == pytest.approx(0.1)
    assert set(values(evidence, "equalized_odds_difference")) == {"Caucasian"}
    assert {item.slice["race"] for item in evidence.absent if item.name == "equalized_odds_difference"} == set(NAMES[2:])
    assert any("leaves out Native American, Asian" in note for note in evidence.notes)


def test_groups_of_two_and_four_rows_make_no_selection_rate_difference(tmp_path: Path) -> None:
    rows, asked = compas_like(tmp_path)
    evidence = selection_rates(rows)

    assert demographic_parity_difference(**asked) == pytest.approx(0.35)
    assert set(values(evidence, "selection_rate_difference")) == {"Caucasian"}
    assert not {"Native American", "Asian"} & {(m.versus or {}).get("race") for m in evidence.measurements}


def test_crossings_of_few_rows_are_not_compared(tmp_path: Path) -> None:
    """2,000 rows of equal rates, and a crossing of four rows of which every one is selected."""
    race = np.repeat([0, 1, 2], [1000, 1000, 4])
    decisions = np.concatenate([np.tile([0, 1], 1000), np.ones(4, int)])
    groups = {"race": (race, ("a", "b", "c")), "sex": (np.tile([0, 0, 1, 1], 501), SEX)}

    evidence = intersections(planted(tmp_path, decisions=decisions, groups=groups))

    gaps = [m for m in evidence.measurements if m.name == "selection_rate_difference"]
    assert gaps
    assert not [m for m in gaps if m.slice.get("race") == "c"]
    assert max(abs(m.value) for m in gaps) < 0.01


# ---- undefined reads as fair ------------------------------------------------------------------------------------------------------------

ABOUT_POSITIVES = ("true_positive_rate", "false_negative_rate", "equalized_odds", "average_odds", "opportunity", "recall")


def everything(folder: Path, data: pd.DataFrame) -> AuditRun:
    """A run of all fairness checks."""
    named = [check_id for check_id in discovery.checks() if check_id.startswith(("fairness.", "performance."))]
    return audit(write(folder, data, f"only = {named}\n{CONFIG}".replace("'", '"')), folder / "runs").run


def said_of(run: AuditRun, words: Sequence[str]) -> list[tuple[str, str, Mapping[str, str], float]]:
    return [(f.check, m.name, m.slice, m.value) for f in run.findings for m in f.measurements if any(word in m.name for word in words)]


def test_a_group_without_positives_has_neither_hits_nor_misses_in_any_check(tmp_path: Path) -> None:
    """fairlearn says 0 to both rates, of which one is 1 less the other."""
    data = frame()
    data.loc[data.sex == "female", "y"] = 0
    rates = MetricFrame(
        metrics={"hits": true_positive_rate, "misses": false_negative_rate}, y_true=data.y, y_pred=data.p >= 0.5, sensitive_features=data.sex
    )

    found = said_of(everything(tmp_path, data), ABOUT_POSITIVES)

    assert rates.by_group.loc["female"].tolist() == [0, 0]  # the trap is real
    assert found
    assert not [item for item in found if item[2] == {"sex": "female"}]
    assert not [item for item in found if "difference" in item[1] or "gap" in item[1]]


def test_without_any_positive_no_check_speaks_of_equal_opportunity(tmp_path: Path) -> None:
    data = frame().assign(y=0)

    found = said_of(everything(tmp_path, data), [word for word in ABOUT_POSITIVES if word != "recall"])

    assert equalized_odds_difference(data.y, data.y, sensitive_features=data.sex) == 0  # the trap is real
    assert not found


@pytest.mark.parametrize(
    "change",
    [{"y": 0}, {"y": 1}, {"p": 0.1}, {"p": 0.9}, {"sex": "female"}, {"p": 0.5, "y": 1}],
    ids=["no positives", "no negatives", "nobody selected", "everybody selected", "one group", "all alike"],
)
def test_nothing_undefined_becomes_a_number(change: dict[str, Any], tmp_path: Path) -> None:
    run = everything(tmp_path, frame().assign(**change))

    assert not [f.trace for f in run.findings if f.status == "error"]
    assert all(math.isfinite(m.value) for f in run.findings for m in f.measurements)
    assert all(len(item.reason) > 10 for f in run.findings for item in f.absent)


# ---- only the first rows ----------------------------------------------------------------------------------------------------------------


def test_rows_far_behind_the_first_thousands_count_like_any_other(tmp_path: Path) -> None:
    """Equal rates in the first 70,000 rows, more than one block; of the last 10,000 no woman is selected."""
    n, late = 80_000, np.arange(80_000) >= 70_000
    data = pd.DataFrame({"id": np.arange(n).astype(str), "sex": np.tile(np.array(SEX), n // 2), "y": 1})
    data["p"] = np.where(late & (data.sex == "female"), 0.1, 0.9)

    run = audit(write(tmp_path, data, f'only = ["fairness.selection_rates"]\n{CONFIG}'), tmp_path / "runs").run

    found = next(f for f in run.findings if f.check == "fairness.selection_rates")
    assert values(found, "selection_rate") == {"female": 35_000 / 40_000, "male": 1.0}
    assert {m.n for m in found.measurements if m.name == "selection_rate"} == {40_000}


# ---- four fifths of floats --------------------------------------------------------------------------------------------------------------


def test_no_pair_that_is_exactly_four_fifths_is_told_to_be_below(tmp_path: Path) -> None:
    """Of these pairs plain floats would call some below; their counts are held as whole numbers."""
    pairs = [(4 * r * n // (5 * m), n, r, m) for n in (25, 35, 50) for m in (25, 45, 50) for r in range(1, m + 1) if 4 * r * n % (5 * m) == 0]
    trapped = [pair for pair in pairs if (pair[0] / pair[1]) / (pair[2] / pair[3]) < 0.8]

    assert len(trapped) >= 10
    for i, (s, n, r, m) in enumerate(trapped[:10]):
        decisions = np.concatenate([np.arange(n) < s, np.arange(m) < r]).astype(int)
        rows = planted(tmp_path / str(i), decisions=decisions, groups={"sex": (np.repeat([0, 1], [n, m]), SEX)}, references={"sex": "male"})
        assert values(four_fifths(rows, reference="declared"), "below_four_fifths") == {"female": 0.0}
