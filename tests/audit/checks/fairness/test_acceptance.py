"""`fairness.acceptance` against counts by hand and the direction other tools report."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from audit.checks.fairness.acceptance import acceptance
from tests.audit.checks.fairness.test_equalized_odds import CELLS, SEX, table
from tests.audit.checks.planted import planted


def found(tmp_path, cells=CELLS, **given):
    labels, decisions, codes = table(cells)
    return acceptance(planted(tmp_path, labels=labels, decisions=decisions, groups={"sex": (codes, SEX)}, references={"sex": "male"}, **given))


def at(evidence, name, level):
    return next(m for m in evidence.measurements if m.name == name and m.slice == {"sex": level})


def test_quantities_by_hand(tmp_path):
    evidence = found(tmp_path)

    assert at(evidence, "conditional_acceptance", "female").value == pytest.approx(50 / 40)
    assert at(evidence, "conditional_rejection", "female").value == pytest.approx(50 / 60)
    assert at(evidence, "treatment_equality", "female").value == pytest.approx(20 / 10)
    assert at(evidence, "positive_predictive_value", "female").value == pytest.approx(30 / 40)
    assert at(evidence, "false_omission_rate", "female").value == pytest.approx(20 / 60)
    assert at(evidence, "treatment_equality_difference", "female").value == pytest.approx(20 / 10 - 20 / 30)
    assert at(evidence, "conditional_acceptance_difference", "female").value == pytest.approx(50 / 40 - 100 / 110)
    expected = ((30 / 40 - 80 / 110) + (20 / 60 - 20 / 90)) / 2
    assert at(evidence, "average_predictive_value_difference", "female").value == pytest.approx(expected)


def test_the_interval_of_treatment_equality_is_that_of_the_share_of_false_negatives_among_errors(tmp_path):
    measured = at(found(tmp_path), "treatment_equality", "female")

    z, p, n = norm.ppf(0.975), 20 / 30, 30
    centre, half = (p + z**2 / (2 * n)) / (1 + z**2 / n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    ends = [(centre + side * half) / (1 - centre - side * half) for side in (-1, 1)]
    assert (measured.low, measured.high) == pytest.approx(tuple(ends))


def test_no_false_positive_leaves_treatment_equality_absent_and_not_infinite(tmp_path):
    evidence = found(tmp_path, cells={key: rows for key, rows in CELLS.items() if key != (0, 0, 1)})

    gone = {(item.name, item.slice["sex"]) for item in evidence.absent}
    assert ("treatment_equality", "female") in gone
    assert ("treatment_equality_difference", "female") in gone


def test_weights_count_as_rows_do(tmp_path):
    labels, _, _ = table(CELLS)
    twice = found(tmp_path / "a", cells={key: rows * 2 for key, rows in CELLS.items()})
    weighted = found(tmp_path / "b", weights=np.full(len(labels), 2.0))

    assert at(weighted, "conditional_acceptance", "female").value == at(twice, "conditional_acceptance", "female").value
