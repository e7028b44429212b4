"""The row view tells a declined row's candidates under both comparisons, and their doubt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dashboards.candidate_reasons import PROBE, candidate_reasons
from dashboards.held_row import HeldRow
from tests.audit.checks.planted import binary_facts


def row(folder: Path, *, declined: int = 1, certain: int = 1, withheld: int = 0, cutoff=(2, 0, -1, -1), everyone=(0, 2, 1, -1)) -> HeldRow:
    path = folder / "tables" / PROBE / "players.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"name": ["inc", "age", "debt"], "reason": ["Income", "age", "Debt of the applicant"], "protected": [0, 0, 0]}), path)
    held = {"declined": declined}
    for one, named in (("cutoff", cutoff), ("everyone", everyone)):
        held |= {f"named_{one}": np.array(named, dtype=float), f"certain_{one}": certain, f"withheld_{one}": withheld}
        held |= {f"values_{one}": np.array([-1.5, -0.5, -2.25]), f"se_{one}": np.array([0.1, 0.2, 0.3])}
    return HeldRow(binary_facts(), 7, {PROBE: held}, {PROBE: {}}, (), folder)


def test_candidates_stand_in_order_with_their_texts(tmp_path) -> None:
    first, second = candidate_reasons(row(tmp_path))

    assert first.frame["Candidate reason"].tolist() == ["Debt of the applicant", "Income"]
    assert first.frame["Shortfall"].tolist() == ["2.250", "1.500"]
    assert second.frame["Column"].tolist() == ["inc", "debt", "age"]
    assert first.doubts == ()
    assert second.doubts == ("2 of 3 columns are the same under both comparisons.",)


def test_an_uncertain_cut_and_a_withheld_attribute_are_told(tmp_path) -> None:
    first = candidate_reasons(row(tmp_path, certain=0, withheld=1))[0]

    assert any("another draw" in doubt for doubt in first.doubts)
    assert any("withheld" in doubt for doubt in first.doubts)


def test_a_row_without_adverse_columns_says_so(tmp_path) -> None:
    first = candidate_reasons(row(tmp_path, cutoff=(-1,) * 4))[0]

    assert first.frame.empty
    assert any("No column pulled" in doubt for doubt in first.doubts)


def test_a_row_decided_favourably_has_none(tmp_path) -> None:
    assert candidate_reasons(row(tmp_path, declined=0)) == []
