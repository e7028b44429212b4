"""Fidelity is counted over held-out rows, and the leaf that fails most is named."""

from __future__ import annotations

import numpy as np

from audit.checks.explanation.surrogate import surrogate
from tests.audit.checks.planted import planted, write_rows, write_table

PROBE = "effects.surrogate_tree"


def rows(folder, agrees, leaf, *, held_out=None):
    n = len(agrees)
    held = np.ones(n) if held_out is None else np.asarray(held_out)
    columns = {"leaf": np.asarray(leaf, dtype=np.int32), "agrees": np.asarray(agrees, dtype=np.int8), "held_out": held.astype(np.int8)}
    write_rows(folder, PROBE, {**columns, "decision": np.zeros(n, dtype=np.int32)})
    write_table(folder, PROBE, "rules", {"leaf": [1, 2], "rule": ["income ≤ 3", "income > 3"], "decision": [0, 1], "rows": [50, 50]})
    return planted(folder, decisions=[0] * (n - 10) + [1] * 10)


def value(evidence, name, **at):
    (found,) = [m for m in evidence.measurements if m.name == name and dict(m.at) == at]
    return found


def test_shares_are_counted_by_leaf(tmp_path) -> None:
    evidence = surrogate(rows(tmp_path, [1] * 45 + [0] * 5 + [1] * 20 + [0] * 30, [1] * 50 + [2] * 50))

    assert value(evidence, "fidelity").value == 0.65
    assert value(evidence, "constant_fidelity").value == 0.9
    assert value(evidence, "leaf_fidelity", leaf=1).value == 0.9
    assert value(evidence, "leaf_fidelity", leaf=2).value == 0.4
    assert "leaf 2 (income > 3)" in evidence.notes[-1]
    assert evidence.charts[0].rows[1] == (2, "income > 3", "1", 50, "40.0 %")


def test_rows_the_tree_was_fitted_to_do_not_count(tmp_path) -> None:
    evidence = surrogate(rows(tmp_path, [1] * 50 + [0] * 50, [1] * 100, held_out=[1] * 50 + [0] * 50))

    assert (value(evidence, "fidelity").value, value(evidence, "fidelity").n) == (1.0, 50)


def test_rows_without_a_decision_do_not_count(tmp_path) -> None:
    evidence = surrogate(rows(tmp_path, [-1] * 40 + [1] * 60, [1] * 100))

    assert value(evidence, "fidelity").n == 60


def test_without_held_out_rows_it_says_so(tmp_path) -> None:
    evidence = surrogate(rows(tmp_path, [1] * 20, [1] * 20, held_out=[0] * 20))

    assert not evidence.measurements
    assert "No row was held out" in evidence.absent[0].reason
