"""Rates at a moved threshold, against counts by hand and fairlearn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, selection_rate, true_positive_rate

from dashboards.what_if import groups_at, population, table_frame
from tests.audit.checks.planted import planted

SEX, RACE = ("female", "male"), ("a", "b", "c")
GENERATOR = np.random.default_rng(0)
SCORES = GENERATOR.random(900)
LABELS = (GENERATOR.random(900) < SCORES).astype(int)
CODES = {"sex": GENERATOR.integers(0, 2, 900), "race": GENERATOR.integers(0, 3, 900)}


@pytest.fixture
def held(tmp_path: Path):
    groups = {"sex": (CODES["sex"], SEX), "race": (CODES["race"], RACE)}
    return population(planted(tmp_path, labels=LABELS, scores=SCORES, groups=groups, references={"sex": "male"}))


@pytest.mark.parametrize(("metric", "function"), [("selection_rate", selection_rate), ("true_positive_rate", true_positive_rate)])
@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
def test_rates_of_crossed_groups_are_fairlearns(held, metric, function, threshold) -> None:
    features = {"sex": np.array(SEX)[CODES["sex"]], "race": np.array(RACE)[CODES["race"]]}
    frame = MetricFrame(metrics=function, y_true=LABELS, y_pred=threshold <= SCORES, sensitive_features=features)

    table = groups_at(held, ["sex", "race"], metric, threshold)

    for name, share in zip(table.names, table.shares, strict=True):
        assert share.value == pytest.approx(frame.by_group[tuple(name.split(", "))], abs=1e-12)


def test_at_the_declared_threshold_decisions_are_those_of_the_run(held) -> None:
    assert (held.at(held.facts.threshold) == held.selected).all()


def test_the_declared_reference_is_kept_and_its_line_has_no_difference(held) -> None:
    table = groups_at(held, ["sex"], "selection_rate", 0.5)
    frame = table_frame(table).set_index("Group")

    assert table.names[table.reference] == "male"
    assert np.isnan(frame.loc["male", "Difference"])
    assert frame.loc["female", "Difference"] == pytest.approx(frame.loc["female", "Rate"] - frame.loc["male", "Rate"])
    assert frame.loc["female", "All at once low"] <= frame.loc["female", "Diff. low"]


def test_a_rate_without_rows_is_empty_and_not_zero(held) -> None:
    frame = table_frame(groups_at(held, ["sex"], "positive_predictive_value", 2.0))

    assert frame["Rate"].isna().all()
    assert frame["Difference"].isna().all()


def test_scores_that_are_not_finite_are_not_selected(tmp_path: Path) -> None:
    scores = np.array([0.9, np.nan, 0.1, 0.8])
    held = population(planted(tmp_path, scores=scores, groups={"sex": (np.array([0, 0, 1, -1]), SEX)}))

    table = groups_at(held, ["sex"], "selection_rate", 0.5)

    assert {name: share.successes for name, share in zip(table.names, table.shares, strict=True)} == {"female": 1.0, "male": 0.0}
    assert table.unknown == 1
