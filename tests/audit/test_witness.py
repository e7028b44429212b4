"""A witness that disagrees weakens what rests on the numbers; one that breaks says so and breaks nothing else."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest

from audit import discovery
from audit.errors import MethodError
from audit.probes.attribution.shapley import shapley
from audit.run_json import from_json, to_json
from audit.witness import Reference, called, told
from tests.contract.audited import audit
from tests.smoke import subjects

QUICK = ("probes.attribution.shapley.rows=20", "only=['explanation.completeness','explanation.global_importance','calibration.reliability']")


def reference(apart: float) -> Reference:
    return Reference(ours=np.ones((2, 3)), theirs=np.ones((2, 3)) + apart, se=np.zeros((2, 3)), scale=np.ones(2))


def test_agreement_and_disagreement_are_told_with_their_size() -> None:
    agreed, disagreed = called("numpy", lambda: reference(0.0)), called("numpy", lambda: reference(0.5))

    assert "agrees: no number differs" in told(agreed, "x")
    assert "disagrees by more than rounding and chance leave room for: the largest difference is 0.5" in told(disagreed, "x")


@pytest.mark.parametrize(("error", "expected"), [(MethodError("too wide"), "too wide."), (ZeroDivisionError("inside"), "ZeroDivisionError: inside")])
def test_a_witness_that_refuses_or_breaks_leaves_the_rest_whole(error: Exception, expected: str) -> None:
    def broken() -> Reference:
        raise error

    found = called("numpy", broken)

    assert found.agrees is None
    assert expected in told(found, "x")


def test_a_disagreement_caps_every_finding_that_rests_on_the_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapley, "_witness", lambda _block, _state, measured: Reference(measured["values"], measured["values"] + 1, *rest(measured)))

    run = audit(subjects.write_table_network(tmp_path), tmp_path / "runs", overrides=QUICK).run

    held = {finding.check: finding for finding in run.findings}
    assert held["explanation.completeness"].status == "attention"
    assert any("disagrees" in blocker for blocker in held["explanation.completeness"].blockers)
    assert any("disagrees" in blocker for blocker in held["explanation.global_importance"].blockers)
    assert not any("disagrees" in blocker for blocker in held["calibration.reliability"].blockers)
    assert next(probe for probe in run.probes if probe.id == "attribution.shapley").witness.agrees is False  # type: ignore[union-attr]
    assert to_json(from_json(to_json(run))) == to_json(run)


def rest(measured: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros_like(measured["values"]), np.ones(len(measured["values"]))


def test_fairlearn_recomputes_the_rates_of_a_run(tmp_path: Path) -> None:
    run = audit(subjects.write_lending_predictions(tmp_path), tmp_path / "runs").run

    for check_id in ("fairness.selection_rates", "fairness.error_rates"):
        witness = next(finding for finding in run.findings if finding.check == check_id).witness
        assert witness is not None
        assert witness.agrees
        assert witness.numbers > 10
        assert witness.difference == pytest.approx(0, abs=1e-12)


def test_fairlearn_objects_to_a_rate_over_the_whole_population(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = discovery.checks()["fairness.selection_rates"]
    honest = check.recompute

    def swollen(rows: object, evidence: object) -> Reference:
        found = honest(rows, evidence)  # type: ignore[misc,arg-type]
        return Reference(found.ours * 0.5, found.theirs, found.se, found.scale, rounding=found.rounding)

    monkeypatch.setattr(check, "recompute", swollen)

    run = audit(subjects.write_lending_predictions(tmp_path), tmp_path / "runs").run

    finding = next(finding for finding in run.findings if finding.check == "fairness.selection_rates")
    assert any("fairlearn" in blocker and "disagrees" in blocker for blocker in finding.blockers)


def test_a_probe_may_be_measured_without_its_witness(tmp_path: Path) -> None:
    run = audit(subjects.write_table_network(tmp_path), tmp_path / "runs", overrides=(*QUICK, "probes.attribution.shapley.witness=0")).run

    assert next(probe for probe in run.probes if probe.id == "attribution.shapley").witness is None


def test_a_witness_without_a_finite_row_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = shapley.function

    @functools.wraps(honest)
    def broken(*arguments: object, **settings: object) -> dict[str, np.ndarray]:
        return {name: values * np.nan if name == "values" else values for name, values in honest(*arguments, **settings).items()}  # type: ignore[arg-type]

    monkeypatch.setattr(shapley, "function", broken)
    run = audit(subjects.write_table_network(tmp_path), tmp_path / "runs", overrides=QUICK).run

    witness = next(probe for probe in run.probes if probe.id == "attribution.shapley").witness
    assert witness is not None
    assert witness.agrees is None
    assert "no measured row has finite values" in witness.note
