"""A check that breaks is a finding of its own, and leaves the others whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from audit import discovery
from audit.ask import Heard, ask
from audit.plan import PlannedCheck, Skip
from audit.results import Evidence, Measurement
from tests.contract.audited import audit
from tests.end_to_end.command import write


def planned(function: object) -> PlannedCheck:
    check = discovery.checks()["performance.classification"]
    return PlannedCheck(replace(check, function=function), {}, ())  # type: ignore[arg-type]


class NoRows:
    absent_probes: dict[str, str] = {"other": "r"}  # noqa: RUF012  a stand-in


def broken(_rows: object) -> Evidence:
    raise ZeroDivisionError("planted")


def test_an_exception_becomes_a_finding_with_its_trace() -> None:
    finding = ask(planned(broken), NoRows(), {}, ())  # type: ignore[arg-type]

    assert finding.status == "error"
    assert "ZeroDivisionError: planted" in finding.reason
    assert "in broken" in finding.trace


def test_an_undeclared_measurement_is_an_error() -> None:
    surprising = Evidence(measurements=(Measurement(name="surprise", value=1.0, n=1),))

    finding = ask(planned(lambda _rows: surprising), NoRows(), {}, ())  # type: ignore[arg-type]

    assert finding.status == "error"
    assert "surprise" in finding.reason


def test_a_skipped_check_keeps_its_reason() -> None:
    item = replace(planned(broken), skip=Skip("not_assessed", "No labels."))

    finding = ask(item, NoRows(), {}, ())  # type: ignore[arg-type]

    assert (finding.status, finding.reason, finding.trace) == ("not_assessed", "No labels.", "")


def test_warnings_of_the_sanity_check_cap_what_follows() -> None:
    fine = Evidence(measurements=(Measurement(name="accuracy", value=1.0, n=100),))

    finding = ask(planned(lambda _rows: fine), NoRows(), {"outputs": Heard(("n",))}, ("The labels are inverted.",))  # type: ignore[arg-type]

    assert finding.status == "attention"
    assert finding.reason == "The labels are inverted."


def test_in_a_whole_audit_the_others_are_untouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write(tmp_path)
    whole = {f.check: f for f in audit(config, tmp_path / "a").run.findings}
    checks = dict(discovery.checks())
    checks["calibration.reliability"] = replace(checks["calibration.reliability"], function=lambda _rows, **_: broken(_rows))
    monkeypatch.setattr(discovery, "checks", lambda: checks)

    hurt = {f.check: f for f in audit(config, tmp_path / "b").run.findings}

    assert hurt["calibration.reliability"].status == "error"
    assert all(hurt[name].measurements == whole[name].measurements for name in whole if name != "calibration.reliability")
