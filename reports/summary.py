"""The first page: what was audited, how many findings per status, the findings to read first, what was not assessed, who owns the limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.results import STATUSES, AuditRun, Finding, Status
from reports.numbers import count, number
from reports.ranking import lead, top_findings
from reports.status import LOOKS
from reports.visible import short
from reports.wording import limit_text, plural, sentence, value_text

TOLD_FIRST = 5
"""Findings, and things not assessed, that the first page names."""


@dataclass(frozen=True)
class Told:
    """One finding on the first page."""

    anchor: str
    title: str
    status: Status
    text: str


@dataclass(frozen=True)
class Unassessed:
    """One thing the run says nothing about, and why."""

    title: str
    status: str
    reason: str
    anchor: str


@dataclass(frozen=True)
class OwnedLimit:
    """A limit that is outside, and who answers for it."""

    title: str
    anchor: str
    text: str
    limit: str
    owner: str
    because: str


@dataclass(frozen=True)
class Summary:
    """Everything on the first page."""

    facts: Sequence[tuple[str, str]]
    counts: Sequence[tuple[Status, int]]
    findings: Sequence[Told]
    findings_more: str
    unassessed: Sequence[Unassessed]
    unassessed_more: str
    owned: Sequence[OwnedLimit]
    owned_more: str


def summarise(run: AuditRun, anchors: Mapping[str, str]) -> Summary:
    """The first page of `run`; `anchors` maps a check id to the place of its section."""
    told = [Told(anchors[f.check], short(f.title), f.status, answer(f)) for f in top_findings(run, TOLD_FIRST)]
    missing, owned = unassessed(run, anchors), _owned(run, anchors)
    others = sum(f.status not in ("not_assessed", "not_applicable") for f in run.findings) - len(told)
    return Summary(
        facts=_facts(run),
        counts=[(status, sum(f.status == status for f in run.findings)) for status in STATUSES],
        findings=told,
        findings_more=f"{plural(others, 'more finding')} in the sections below." if others > 0 else "",
        unassessed=missing[:TOLD_FIRST],
        unassessed_more=_unassessed_more(run, len(missing)),
        owned=owned[:TOLD_FIRST],
        owned_more=f"{plural(len(owned) - TOLD_FIRST, 'more limit')} under Limits and their owners." if len(owned) > TOLD_FIRST else "",
    )


def answer(finding: Finding) -> str:
    """What a finding says in one sentence: its leading number; without numbers the reason of its status."""
    leader = lead(finding)
    return short(finding.reason, 320) if leader is None else sentence(leader)


def unassessed(run: AuditRun, anchors: Mapping[str, str]) -> list[Unassessed]:
    """Checks without an answer, then instruments that did not measure, then checks that do not apply."""
    checks = {
        status: [Unassessed(short(f.title), LOOKS[f.status].word, short(f.reason, 240), anchors[f.check]) for f in run.findings if f.status == status]
        for status in ("error", "not_assessed", "not_applicable")
    }
    probes = [
        Unassessed(f"Instrument {short(p.instance)}", {"error": "Error"}.get(p.status, "Not measured"), short(p.reason, 240), "instruments")
        for p in run.probes
        if p.status in ("not_assessed", "error")
    ]
    return [*checks["not_assessed"], *checks["error"], *probes, *checks["not_applicable"]]


def subject_facts(run: AuditRun) -> list[tuple[str, str]]:
    """Everything stored about model, data and groups, as (what, value) pairs."""
    groups = [(f"group {g.get('name', '')}", value_text({k: v for k, v in g.items() if k != "name"})) for g in run.subject.get("groups", ())]
    columns = run.subject.get("columns", ())
    names = ", ".join(short(str(c.get("name", "")), 40) for c in columns[:30])
    more = f" and {count(len(columns) - 30)} more in run.json" if len(columns) > 30 else ""
    return [*((k, short(v, 400)) for k, v in groups), *([("input columns", f"{count(len(columns))}: {names}{more}")] if columns else [])]


def _facts(run: AuditRun) -> list[tuple[str, str]]:
    model = run.subject.get("model", {})
    name = short(value_text(model.get("architecture") or model.get("kind") or "network"), 60)
    facts = [("Network", f"{name}, sha256 {_digest(model)}"), ("Task", _task(run))]
    for part, words in (("evaluate", "Audited rows"), ("reference", "Reference rows"), ("calibration", "Calibration rows")):
        data = run.subject.get("data", {}).get(part)
        if data:
            facts.append((words, f"{count(int(data.get('rows', 0)))}, sha256 {_digest(data)}"))
    names = [short(str(g.get("name", "")), 30) for g in run.subject.get("groups", ())]
    facts.append(("Groups compared", ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") or "none declared"))
    return [*facts, ("Label", _label(run)), ("Run", f"{short(run.id)}, started {short(run.started, 40)}")]


def _digest(item: Mapping[str, Any]) -> str:
    return f"{str(item.get('sha256', 'unknown'))[:12]}…"


def _task(run: AuditRun) -> str:
    threshold = run.subject.get("threshold")
    cut = f", decision threshold {number(float(threshold))}{_taken(run)}" if threshold is not None else ""
    return f"{short(value_text(run.subject.get('task', 'unknown')), 40)}{cut}"


def _taken(run: AuditRun) -> str:
    """Where a threshold that was not declared as a number comes from, and that scores were turned about."""
    source = run.subject.get("threshold_source")
    taken = [f"the {float(source['quantile']):g} quantile of {count(int(source['rows']))} calibration rows"] if source else []
    turned = ["of negative scores, since low ones are flagged"] if run.subject.get("flag") == "low" else []
    return f" ({'; '.join([*taken, *turned])})" if taken or turned else ""


def _label(run: AuditRun) -> str:
    name = run.subject.get("label")
    if not name:
        return "none, so errors could not be counted"
    kinds = {"outcome": "what happened later", "past_decision": "a past decision, not an outcome", "proxy": "a stand-in for what is meant"}
    kind = str(run.subject.get("label_kind", "outcome"))
    return f"{short(str(name), 60)} ({kinds.get(kind, short(kind, 40))})"


def _owned(run: AuditRun, anchors: Mapping[str, str]) -> list[OwnedLimit]:
    return [
        OwnedLimit(
            title=short(finding.title),
            anchor=anchors[finding.check],
            text=sentence(finding.measurements[item.measurement]),
            limit=limit_text(criterion, finding.measurements[item.measurement].unit),
            owner=short(criterion.owner, 120) or ("Netassay (technical limit)" if criterion.technical else "nobody was named"),
            because=short(criterion.because, 240),
        )
        for finding in run.findings
        for item in finding.judgements
        if item.status == "outside"
        for criterion in [finding.criteria[item.criterion]]
    ]


def _unassessed_more(run: AuditRun, missing: int) -> str:
    parts = [f"{plural(missing - TOLD_FIRST, 'more item')} under What was not assessed."] if missing > TOLD_FIRST else []
    inside = sum(len(f.absent) for f in run.findings)
    if inside:
        parts.append(f"{plural(inside, 'single number')} inside other findings could not be estimated; each is listed there with its reason.")
    return " ".join(parts)
