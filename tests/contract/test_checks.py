"""What every discovered check owes its reader, whoever wrote it."""

from __future__ import annotations

import importlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from audit import discovery
from audit.check import Check
from audit.errors import ConfigError
from audit.results import STATUSES, Evidence, Finding
from audit.run_json import plain
from reports.html import render
from tests.contract.audited import NAMES, audit, audited, lasting_folder
from tests.smoke import subjects

CHECKS = discovery.checks()
FOLDER = Path(str(importlib.import_module("audit.checks").__file__)).parent


@pytest.fixture(params=sorted(CHECKS))
def check(request: pytest.FixtureRequest) -> Check:
    return CHECKS[request.param]


def finding_of(name: str, check: Check) -> Finding:
    return next(item for item in audited(name).run.findings if item.check == check.id)


def evidence_of(finding: Finding) -> Evidence:
    return Evidence(measurements=finding.measurements, absent=finding.absent, charts=finding.charts, notes=finding.notes, blockers=finding.blockers)


def test_the_id_is_the_path(check: Check) -> None:
    assert (FOLDER / Path(*check.id.split("."))).with_suffix(".py").is_file()


def test_it_explains_itself(check: Check) -> None:
    card = check.card

    assert card.question.endswith("?")
    assert min(len(card.why), len(card.how_to_read), len(card.cannot_show)) > 60
    assert card.references
    assert check.title
    assert check.topics


def test_its_page_makes_no_promise(check: Check) -> None:
    text = " ".join([check.card.question, check.card.why, check.card.how_to_read, check.title]).lower()

    for word in ("compliant", "certified", "unbiased", "is fair", "is safe", "proves", "guarantees", "approved"):
        assert word not in text, word


def test_its_technical_limits_name_measurements_it_makes(check: Check) -> None:
    assert {criterion.measurement for criterion in check.criteria} <= set(check.measures)
    assert all(criterion.technical and criterion.because for criterion in check.criteria)


def test_it_refuses_unknown_settings(check: Check) -> None:
    with pytest.raises(ConfigError, match="unknown setting 'no_such_setting'"):
        check.settings.resolve({"no_such_setting": 1}, check.id)


@pytest.mark.parametrize("name", NAMES)
def test_it_ends_in_a_status_with_a_reason_on_every_subject(check: Check, name: str) -> None:
    finding = finding_of(name, check)

    assert finding.status in STATUSES
    assert finding.status != "error", finding.trace
    assert len(finding.reason) > 10
    assert {item.name for item in (*finding.measurements, *finding.absent)} <= set(check.measures)


@pytest.mark.parametrize("name", NAMES)
def test_asked_again_alone_it_answers_the_same(check: Check, name: str) -> None:
    finding = finding_of(name, check)
    if not finding.measurements:
        assert finding.status in ("not_assessed", "not_applicable")
        return

    again = check(audited(name).rows(), **finding.settings)

    # What instruments had to say about themselves follows the check's own notes; warnings of the sanity check are added as blockers.
    ours = evidence_of(finding)
    ours = replace(ours, notes=tuple(ours.notes)[: len(again.notes)], blockers=())
    assert json.dumps(plain(replace(again, blockers=()))) == json.dumps(plain(ours))


@pytest.mark.parametrize("name", NAMES)
def test_measurements_are_told_apart(check: Check, name: str) -> None:
    keys = [json.dumps([m.name, dict(m.slice), m.versus and dict(m.versus), dict(m.at)]) for m in finding_of(name, check).measurements]

    assert len(keys) == len(set(keys))


DEGENERATE: dict[str, dict[str, int | bool]] = {
    "one row": {"rows": 1, "companions": True},
    "one class": {"single_class": True},
    "one group": {"groups": 1},
    "constant column": {"constant": True},
    "constant network": {"weights_scale": 0, "companions": True},
    "three classes": {"classes": 3, "companions": True},
    "a group for every row but ten": {"groups": 4, "rows": 14, "companions": True},
}


@pytest.mark.parametrize("fault", DEGENERATE)
def test_it_survives_degenerate_data(check: Check, fault: str, tmp_path: Path) -> None:
    finding = _degenerate(fault, tmp_path)[check.id]

    assert finding.status != "error", finding.trace


_RUNS: dict[str, dict[str, Finding]] = {}


def _degenerate(fault: str, folder: Path) -> dict[str, Finding]:
    if fault not in _RUNS:
        done = audit(subjects.write_table_network(folder, **DEGENERATE[fault]), folder / "runs")
        _RUNS[fault] = {item.check: item for item in done.run.findings}
    return _RUNS[fault]


@pytest.mark.parametrize("need", ["labels", "groups", "reference"])
def test_without_what_it_needs_it_is_not_assessed_with_the_reason(check: Check, need: str) -> None:
    finding = _without(need)[check.id]

    if need in check.needs and finding.status != "not_applicable":
        assert finding.status == "not_assessed"
        assert "declared" in finding.reason
    assert finding.status != "error", finding.trace


def _without(need: str) -> dict[str, Finding]:
    folder = lasting_folder("netassay-without-")
    if need not in _RUNS:
        path = subjects.write_table_network(folder, labels=need != "labels", groups=0 if need == "groups" else 2)
        if need == "reference":
            path.write_text(re.sub(r"^reference = .*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE), encoding="utf-8")
        _RUNS[need] = {item.check: item for item in audit(path, folder / "runs").run.findings}
    return _RUNS[need]


@pytest.mark.parametrize("name", NAMES)
def test_its_finding_is_in_the_report(check: Check, name: str) -> None:
    page = _page(name)

    assert check.id in page
    assert finding_of(name, check).title.replace("&", "&amp;") in page or finding_of(name, check).title in page


_PAGES: dict[str, str] = {}


def _page(name: str) -> str:
    if name not in _PAGES:
        _PAGES[name] = render(audited(name).run)
    return _PAGES[name]
