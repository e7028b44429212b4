"""The probe `fairness.attribute_flip` on a network that is given the protected attribute, against changed rows by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audit.config_file import load_config
from audit.errors import MethodError
from audit.open_model import Trust
from audit.open_subject import open_subject
from audit.probe import Block
from audit.probes.fairness.attribute_flip import attribute_flip
from audit.probes.outputs import outputs
from tests.contract.audited import audit
from tests.smoke import subjects

ROOT = Path(__file__).resolve().parents[4]


def write(folder, *, groups="years = { column = 'years', bins = [0.0] }", classes=2):
    """The table network, whose input `years` is also cut into a protected attribute."""
    path = subjects.write_table_network(folder, groups=0, classes=classes)
    text = path.read_text(encoding="utf-8").replace("[data.columns]", f"[data.groups]\n{groups}\n[data.columns]")
    path.write_text(text, encoding="utf-8")
    return path


def measured(path, rows=40, broken=()):
    subject = open_subject(load_config(path), Trust((ROOT,)))
    taken = subject.evaluate.take(np.arange(rows))
    before = dict(outputs.measure(Block(subject, taken, {}, 7, "outputs"), None, {}))
    before["finite"] = np.where(np.isin(np.arange(rows), broken), 0, before["finite"]).astype(np.int8)
    prepared = attribute_flip.prepared(subject, {})
    reads = {f"outputs.{name}": values for name, values in before.items()}
    return subject, before, prepared, dict(attribute_flip.measure(Block(subject, taken, reads, 7, "x"), prepared.state, {}))


@pytest.mark.parametrize("classes", [2, 3])
def test_flips_are_those_of_rows_changed_by_hand(tmp_path, classes):
    subject, before, prepared, found = measured(write(tmp_path, classes=classes))
    frame = pd.read_parquet(tmp_path / "test.parquet")
    low, high = (sorted(side)[(len(side) - 1) // 2] for side in (frame["years"][frame["years"] < 0], frame["years"][frame["years"] >= 0]))
    frame["years"] = np.where(frame["years"] < 0, high, low)
    frame.to_parquet(tmp_path / "test.parquet", index=False)
    other = open_subject(load_config(tmp_path / "audit.toml"), Trust((ROOT,)))
    after = outputs.measure(Block(other, other.evaluate.take(np.arange(40)), {}, 7, "outputs"), None, {})

    assert [float(value) for value in prepared.tables["levels"]["value"]] == pytest.approx([low, high])
    assert found["changed"].tolist() == (after["decision"] != before["decision"]).astype(int).tolist()
    np.testing.assert_allclose(found["largest_score_change"], np.abs(after["probability"] - before["probability"]).max(axis=1), atol=1e-6)
    assert 0 < found["changed"].sum() < 40
    assert subject.facts.groups[0].levels == ("<0", "≥0")


def test_a_row_without_a_finite_output_is_unknown(tmp_path):
    found = measured(write(tmp_path), broken=(3,))[3]

    assert found["changed"][3] == -1
    assert np.isnan(found["largest_score_change"][3])
    assert (np.delete(found["changed"], 3) >= 0).all()


def test_without_a_protected_input_it_says_so(tmp_path):
    subject = open_subject(load_config(subjects.write_table_network(tmp_path)), Trust((ROOT,)))

    with pytest.raises(MethodError, match="no protected attribute is an input"):
        attribute_flip.prepared(subject, {})


def test_more_levels_change_at_least_as_many_decisions(tmp_path):
    two = measured(write(tmp_path / "a"))[3]["changed"]
    more = measured(write(tmp_path / "b", groups="years = { column = 'years', bins = [-1.0, 0.0, 1.0] }"))[3]["changed"]

    assert more.sum() >= two.sum()


def test_a_constant_network_changes_nothing(tmp_path):
    path = write(tmp_path)
    subjects.write_table_network(tmp_path / "zero", groups=0, weights_scale=0)
    (tmp_path / "weights.safetensors").write_bytes((tmp_path / "zero" / "weights.safetensors").read_bytes())

    found = measured(path)[3]

    assert not found["changed"].any()
    assert not found["largest_score_change"].any()


def test_an_audit_reports_the_share_of_changed_decisions_or_why_there_is_none(tmp_path):
    with_input = audit(write(tmp_path / "a"), tmp_path / "runs", overrides=['only=["fairness.individual"]']).run
    without = audit(subjects.write_table_network(tmp_path / "b"), tmp_path / "runs", overrides=['only=["fairness.individual"]']).run

    shares = [m for m in with_input.findings[0].measurements if m.name == "changed_share"]
    assert [dict(m.slice) for m in shares] == [{}, {"years": "<0"}, {"years": "≥0"}]
    assert shares[0].n == 60
    assert any("no protected attribute is an input" in item.reason for item in without.findings[0].absent)
