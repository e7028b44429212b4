"""`data.overlap` on planted probe columns."""

from __future__ import annotations

import numpy as np

from audit.checks.data.overlap import overlap
from audit.judge import judge
from tests.audit.checks.planted import planted


def rows_with(folder, seen):
    columns = {"inputs_seen": np.asarray(seen, dtype=np.int8), "row_seen": np.asarray(seen, dtype=np.int8)}
    return planted(folder, labels=np.zeros(len(seen), int), decisions=np.zeros(len(seen), int), probes={"data.overlap": columns})


def test_repeated_reference_rows_call_for_attention_and_fresh_rows_do_not(tmp_path):
    leaky, fresh = rows_with(tmp_path / "a", np.arange(500) < 100), rows_with(tmp_path / "b", np.zeros(500))

    assert judge(overlap(leaky), overlap.criteria).status == "attention"
    assert judge(overlap(fresh), overlap.criteria).status == "within"
    assert overlap(leaky).measurements[0].counts == {"seen": 100, "total": 500}
