"""`data.representation` on planted rows."""

from __future__ import annotations

import numpy as np
import pytest

from audit.checks.data.representation import representation
from tests.audit.checks.planted import planted

SEX = ("female", "male")


def test_shares_unknown_and_declared_differences_by_hand(tmp_path):
    codes = np.repeat([0, 1, -1], [20, 60, 20])
    rows = planted(tmp_path, decisions=np.zeros(100, int), groups={"sex": (codes, SEX)}, shares={"sex": {"female": 0.5, "male": 0.5}})

    found = {(m.name, m.slice.get("sex")): m for m in representation(rows).measurements}

    assert found["group_share", "female"].value == pytest.approx(0.25)
    assert found["group_share", "female"].n == 20
    assert found["unknown_membership_share", None].counts == {"rows": 20, "total": 100}
    assert found["group_share_difference", "female"].value == pytest.approx(-0.25)
    assert found["group_share_difference", "female"].high < 0


def test_missing_inputs_are_counted(tmp_path):
    rows = planted(
        tmp_path,
        decisions=[0, 1, 0, 1],
        groups={"sex": ([0, 1, 0, 1], SEX)},
        inputs={"income": [1.0, np.nan, np.nan, 2.0], "job": np.array(["a", None, "b", "c"], dtype=object)},
    )

    found = {m.at["column"]: m.value for m in representation(rows).measurements if m.name == "missing_share"}

    assert found == {"income": 0.5, "job": 0.25}


def test_declared_levels_without_rows_and_small_levels_are_named(tmp_path):
    rows = planted(tmp_path, decisions=[1], groups={"sex": ([0], ("female",))}, shares={"sex": {"female": 0.5, "other": 0.5}})

    notes = " ".join(representation(rows).notes)

    assert "other has a declared share but no rows" in notes
    assert "fewer than 30 rows for female" in notes


def test_wholly_unknown_membership_is_answered(tmp_path):
    evidence = representation(planted(tmp_path, decisions=[1, 0], groups={"sex": ([-1, -1], SEX)}))

    assert [m.value for m in evidence.measurements] == [1.0]
