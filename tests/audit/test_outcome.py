"""Exit codes of finished runs, one case each."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from audit.judge import judge
from audit.outcome import outcome
from audit.results import AuditRun, Criterion, Evidence, Finding, Measurement, ProbeRecord, Status
from tests.audit.test_run_json import example

DECLARED = Criterion(measurement="impact_ratio", minimum=Decimal("0.8"))
TECHNICAL = Criterion(measurement="impact_ratio", minimum=Decimal("0.8"), technical=True)


def finding(status: Status, *criteria: Criterion) -> Finding:
    base = example().findings[0]
    judged = judge(Evidence(measurements=(Measurement(name="impact_ratio", value=0.9, low=0.85, high=0.95, n=100),)), criteria)
    judgements = tuple(replace(item, status=status) for item in judged.judgements)
    return replace(base, status=status, criteria=criteria, judgements=judgements)


def run(*findings: Finding, probes: tuple[ProbeRecord, ...] | None = None) -> AuditRun:
    return replace(example(), findings=findings, probes=example().probes if probes is None else probes)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("within", 0), ("outside", 1), ("attention", 0), ("inconclusive", 1)],
)
def test_a_declared_limit_decides(status: Status, expected: int) -> None:
    assert outcome(run(finding(status, DECLARED))).code == expected


def test_an_unjudged_limit_beside_a_judged_one_fails_unless_allowed() -> None:
    mixed = run(finding("within", DECLARED), finding("not_assessed", DECLARED))

    assert outcome(mixed).code == 1
    assert outcome(mixed, allow_unresolved=True).code == 0


def test_nothing_judged_although_limits_were_declared_is_incomplete() -> None:
    assert outcome(run(finding("not_assessed", DECLARED))).code == 3


def test_without_limits_an_audit_ends_well() -> None:
    assert outcome(run(finding("informative"), finding("not_assessed"))).code == 0


def test_a_technical_limit_that_is_outside_fails_too() -> None:
    assert outcome(run(finding("outside", TECHNICAL))).code == 1


def test_attention_fails_only_when_asked() -> None:
    assert outcome(run(finding("attention", DECLARED)), fail_on="attention").code == 1
    assert outcome(run(finding("outside", DECLARED)), fail_on="never").code == 0


def test_a_broken_check_is_incomplete_even_beside_an_outside_one() -> None:
    result = outcome(run(finding("outside", DECLARED), replace(finding("error"), check="x.y")))

    assert result.code == 3
    assert "x.y" in result.reason


@pytest.mark.parametrize("change", [{"status": "error"}, {"failed_rows": 3}])
def test_a_broken_block_is_incomplete(change: dict[str, object]) -> None:
    broken = replace(example().probes[0], **change)

    assert outcome(run(finding("within", DECLARED), probes=(broken,))).code == 3
