"""Anomaly audits by the command line: a mistake ends in one line, a run keeps its threshold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.end_to_end.command import netassay
from tests.smoke.subjects import CODE, write_anomaly


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_anomaly(tmp_path_factory.mktemp("anomaly"))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("model.task=segmentation", "Segmentation is not audited"),
        ("decision={}", "decision.threshold, or decision.quantile"),
        ("model.output=score", "the network returns 4 outputs per row"),
    ],
)
def test_a_mistake_ends_in_one_line(path: Path, override: str, words: str) -> None:
    said = netassay("run", path, "--code", CODE, "--set", override, cwd=path.parent)

    assert said.code == 2
    assert words in said.err
    assert "Traceback" not in said.err
    assert len(said.err.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_run_without_labels_still_counts_flags_and_keeps_its_threshold(tmp_path: Path) -> None:
    path = write_anomaly(tmp_path, labels=False)

    said = netassay("run", path, "--code", CODE, "--only", "anomaly.detection", "--only", "fairness.selection_rates", "--json", cwd=tmp_path)

    assert said.code == 0, said.err
    (stored,) = tmp_path.glob("runs/*/run.json")
    run = json.loads(stored.read_text(encoding="utf-8"))
    found = next(finding for finding in run["findings"] if finding["check"] == "anomaly.detection")
    assert {m["at"]["part"] for m in found["measurements"] if m["name"] == "flagged_share"} == {"evaluate", "reference", "calibration"}
    assert run["subject"]["threshold_source"] == {"quantile": 0.9, "rows": 80}
