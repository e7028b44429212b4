"""Images whose players are superpixels go through a whole audit, by every probe and check that has a meaning for them."""

from __future__ import annotations

from pathlib import Path

from audit.config_file import load_config
from audit.executors.local import LocalExecutor
from audit.runner import run_audit
from audit.store import RunStore
from tests.contract.audited import TRUST
from tests.smoke.subjects import write_photos

ROWS = 15
OVERRIDES = [
    'data.image.players="superpixels"',
    "data.image.superpixels=8",
    "checks.explanation.interactions.enabled=true",
    "probes.attribution.shapley.background=10",
    "probes.attribution.shapley.witness=1",
    "probes.attribution.lime.samples=300",
    *(f"probes.{name}.rows={ROWS}" for name in ("attribution.shapley", "attribution.lime", "attribution.integrated_gradients", "robustness.pgd")),
]


def test_every_probe_measures_and_what_adds_up_over_rows_is_not_applicable(tmp_path: Path) -> None:
    file = load_config(write_photos(tmp_path / "photos"), OVERRIDES)

    run = run_audit(file, RunStore(tmp_path / "runs"), executor=LocalExecutor, trust=TRUST).run

    assert not {probe.instance: probe.reason for probe in run.probes if probe.status == "error"}
    status = {finding.check: finding.status for finding in run.findings}
    assert "error" not in status.values()
    for check in ("explanation.global_importance", "explanation.interactions"):
        assert status[check] == "not_applicable"
    for check in ("explanation.completeness", "explanation.agreement", "explanation.lime_quality", "robustness.adversarial"):
        assert status[check] in ("within", "informative", "attention", "inconclusive")
    assert {probe.instance: probe.rows for probe in run.probes}["attribution.shapley"] == ROWS
