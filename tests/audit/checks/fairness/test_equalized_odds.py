"""`fairness.equalized_odds` against fairlearn and counts by hand."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import equalized_odds_difference, equalized_odds_ratio

from audit.checks.fairness.equalized_odds import equalized_odds
from tests.audit.checks.planted import planted

SEX = ("female", "male")


def table(cells):
    """Labels, decisions and codes from {(code, label, decision): rows}."""
    keys = np.repeat(np.array(list(cells)), list(cells.values()), axis=0)
    return keys[:, 1], keys[:, 2], keys[:, 0]


CELLS = {(0, 1, 1): 30, (0, 1, 0): 20, (0, 0, 1): 10, (0, 0, 0): 40, (1, 1, 1): 80, (1, 1, 0): 20, (1, 0, 1): 30, (1, 0, 0): 70}


def held(evidence):
    return {m.name: m for m in evidence.measurements}


def test_every_form_by_hand(tmp_path):
    labels, decisions, codes = table(CELLS)
    found = held(equalized_odds(planted(tmp_path, labels=labels, decisions=decisions, groups={"sex": (codes, SEX)}, references={"sex": "male"})))

    tpr, fpr = 0.6 - 0.8, 0.2 - 0.3
    assert found["true_positive_rate_difference"].value == pytest.approx(tpr)
    assert found["false_positive_rate_difference"].value == pytest.approx(fpr)
    assert found["equalized_odds_difference"].value == pytest.approx(0.2)
    assert found["average_odds_difference"].value == pytest.approx((tpr + fpr) / 2)
    assert found["average_absolute_odds_difference"].value == pytest.approx(0.15)
    assert found["equalized_odds_difference"].low > 0


@pytest.mark.parametrize("seed", range(3))
def test_over_all_groups_it_is_fairlearns(tmp_path, seed):
    generator = np.random.default_rng(seed)
    labels, decisions, codes = generator.integers(0, 2, 900), generator.integers(0, 2, 900), generator.integers(0, 4, 900)
    names = ("a", "b", "c", "d")
    found = held(equalized_odds(planted(tmp_path, labels=labels, decisions=decisions, groups={"g": (codes, names)})))

    asked = {"y_true": labels, "y_pred": decisions, "sensitive_features": np.array(names)[codes]}
    assert found["largest_equalized_odds_gap"].value == pytest.approx(equalized_odds_difference(**asked), abs=1e-15)
    assert found["equalized_odds_ratio"].value == pytest.approx(equalized_odds_ratio(**asked), abs=1e-15)


def test_no_favourable_labels_at_all_is_not_parity(tmp_path):
    rows = planted(tmp_path, labels=np.zeros(60, int), decisions=np.arange(60) % 2, groups={"sex": (np.arange(60) // 30, SEX)})
    evidence = equalized_odds(rows)

    absent = {item.name: item.reason for item in evidence.absent}
    assert {"equalized_odds_difference", "true_positive_rate_difference", "largest_equalized_odds_gap", "equalized_odds_ratio"} <= set(absent)
    assert "favourable label" in absent["equalized_odds_difference"]


def test_a_group_without_favourable_labels_is_left_out_of_the_gap_and_named(tmp_path):
    labels, decisions, codes = table({(0, 0, 0): 40, (0, 0, 1): 10, **{k: v for k, v in CELLS.items() if k[0] == 1}, (2, 1, 1): 50, (2, 0, 0): 50})
    evidence = equalized_odds(planted(tmp_path, labels=labels, decisions=decisions, groups={"g": (codes, ("a", "b", "c"))}))

    assert held(evidence)["largest_true_positive_rate_gap"].value == pytest.approx(0.2)
    assert any("leaves out a" in note for note in evidence.notes)


def test_clusters_widen_the_intervals(tmp_path):
    labels, decisions, codes = table(CELLS)
    repeated = [np.repeat(part, 4) for part in (labels, decisions, codes)]
    given = {"labels": repeated[0], "decisions": repeated[1], "groups": {"sex": (repeated[2], SEX)}, "references": {"sex": "male"}}
    apart = held(equalized_odds(planted(tmp_path / "a", **given)))["average_odds_difference"]
    together = held(equalized_odds(planted(tmp_path / "b", clusters=np.repeat(np.arange(len(labels)), 4), **given)))["average_odds_difference"]

    assert together.value == pytest.approx(apart.value)
    assert (together.high - together.low) / (apart.high - apart.low) == pytest.approx(2, rel=0.1)
