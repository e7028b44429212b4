"""`explanation.axioms` on planted measurements."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.checks.explanation.axioms import PROBE, axioms
from audit.judge import judge
from tests.audit.checks.explanation.explained import at
from tests.audit.checks.planted import planted, write_rows, write_table

NAMES = ("shapley", "lime", "distance", "random")


def rows_with(folder, dummy, asymmetry, nonlinearity):
    columns = {"dummy": dummy, "asymmetry": asymmetry, "nonlinearity": nonlinearity}
    write_rows(folder, PROBE, {name: np.asarray(values, dtype=float) for name, values in columns.items()})
    write_table(folder, PROBE, "attributions", {"name": NAMES, "control": [0, 0, 1, 1]})
    write_table(folder, PROBE, "planted", {"name": ["income"]})
    return planted(folder, decisions=np.zeros(len(dummy), dtype=int))


def kept(shapley=0.0, lime=0.0):
    return np.column_stack([np.full(20, shapley), lime + 0.01 * np.linspace(-1, 1, 20), np.full(20, 0.2), np.full(20, 0.3)])


def test_means_over_rows_with_intervals_and_controls_beside(tmp_path):
    dummy = kept(lime=0.02)

    evidence = axioms(rows_with(tmp_path, dummy, kept(), kept(lime=np.nan)))

    found, half = at(evidence, "dummy_share", attribution="lime"), stats.t.ppf(0.975, 19) * dummy[:, 1].std(ddof=1) / np.sqrt(20)
    assert (found.value, found.low, found.high) == pytest.approx((0.02, 0.02 - half, 0.02 + half))
    assert at(evidence, "dummy_share", attribution="distance").value == pytest.approx(0.2)
    assert {m.at["attribution"] for m in evidence.measurements if m.name == "nonlinearity"} == {"shapley", "distance", "random"}
    assert any("income" in note for note in evidence.notes)
    assert judge(evidence, ()).status == "informative"


@pytest.mark.parametrize("axiom", [0, 1, 2])
def test_a_method_that_breaks_one_needs_attention_and_a_control_does_not(tmp_path, axiom):
    columns = [kept(), kept(), kept(lime=np.nan)]
    columns[axiom] = columns[axiom] + np.array([0.07, 0, 0, 0])

    evidence = axioms(rows_with(tmp_path, *columns))

    assert len(evidence.blockers) == 1
    assert evidence.blockers[0].startswith("Shapley")
    assert judge(evidence, ()).status == "attention"
    assert not axioms(rows_with(tmp_path, *columns), above=0.1).blockers


def test_rows_that_were_not_measured_do_not_count(tmp_path):
    dummy = kept()
    dummy[:4] = np.nan

    assert at(axioms(rows_with(tmp_path, dummy, kept(), kept())), "dummy_share", attribution="shapley").n == 16
