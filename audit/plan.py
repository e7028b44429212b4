"""The plan: which checks run with which settings and limits, which probe instances they need, in which order, and what is left out why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal

from audit import discovery
from audit.check import KINDS, Check
from audit.config import AuditConfig, CheckConfig, ProbeConfig
from audit.errors import ConfigError, nearest
from audit.facts import Facts
from audit.probe import Probe
from audit.results import Criterion
from audit.subject import Subject

Left = Literal["not_assessed", "not_applicable"]


@dataclass(frozen=True)
class Skip:
    """Why something does not run."""

    status: Left
    reason: str


@dataclass(frozen=True)
class Node:
    """One probe instance: `instance` is the probe id, or ``id:label`` where the audit file declares several."""

    instance: str
    probe: Probe
    settings: Mapping[str, Any]
    rows: int | None
    """Rows to measure; None for all."""
    witness: int = 0
    """Rows that another library recomputes."""
    skip: Skip | None = None


@dataclass(frozen=True)
class PlannedCheck:
    """One check with its settings and limits; `skip` says why it cannot run."""

    check: Check
    settings: Mapping[str, Any]
    criteria: tuple[Criterion, ...]
    skip: Skip | None = None


@dataclass(frozen=True)
class Plan:
    """Probe instances in an order in which each finds what it reads, and checks, those marked first before the others."""

    nodes: tuple[Node, ...]
    checks: tuple[PlannedCheck, ...]
    left_out: Mapping[str, Skip]
    """Probes that this subject cannot serve, known from their family without importing them."""


def make_plan(config: AuditConfig, subject: Subject) -> Plan:
    """The plan of one audit; raises ConfigError listing every unknown check, probe, setting or limit before any work."""
    problems: list[str] = []
    planned = _plan_checks(config, subject, problems)
    wanted = {probe_id for item in planned if item.skip is None for probe_id in (*item.check.reads, *item.check.optional)}
    left_out = _left_out(wanted | set(config.probes), subject)
    nodes = _plan_probes(config, subject, wanted - set(left_out), problems)
    if problems:
        raise ConfigError(problems)
    skipped = {node.instance: node.skip for node in nodes if node.skip is not None} | left_out
    return Plan(nodes, tuple(_without_probes(item, skipped) for item in planned), left_out)


def _left_out(names: set[str], subject: Subject) -> dict[str, Skip]:
    """Probes that cannot run here whatever their settings. They are not imported, so that predictions never load torch."""
    found = {name: _skip(discovery.family_needs(name.partition(":")[0]), frozenset(), subject) for name in sorted(names)}
    return {name: skip for name, skip in found.items() if skip is not None}


def _plan_checks(config: AuditConfig, subject: Subject, problems: list[str]) -> list[PlannedCheck]:
    known = discovery.checks()
    asked = dict.fromkeys((*config.checks, *config.only))
    problems.extend(f"there is no check {check_id!r}: {nearest(check_id, known)}" for check_id in asked if check_id not in known)
    chosen = [known[check_id] for check_id in known if _chosen(known[check_id], config)]
    planned = [_plan_check(item, config.checks.get(item.id, CheckConfig()), subject, problems) for item in chosen]
    return sorted(planned, key=lambda item: (not item.check.first, item.check.id))


def _chosen(check: Check, config: AuditConfig) -> bool:
    if config.only:
        return check.id in config.only
    declared = config.checks.get(check.id)
    return declared.enabled if declared is not None else check.default


def _plan_check(check: Check, declared: CheckConfig, subject: Subject, problems: list[str]) -> PlannedCheck:
    problems.extend(
        f"checks.{check.id}.limits.{name}: the check makes no such measurement: {nearest(name, check.measures)}"
        for name in declared.limits
        if name not in check.measures
    )
    criteria = tuple(limit.criterion(name) for name, limit in declared.limits.items())
    settings = _resolve(check, declared.settings, f"checks.{check.id}", problems)
    return PlannedCheck(check, settings, (*criteria, *check.criteria), _skip(check.needs, check.tasks, subject))


def _resolve(item: Check | Probe, given: Mapping[str, Any], where: str, problems: list[str]) -> Mapping[str, Any]:
    try:
        return item.settings.resolve(given, where)
    except ConfigError as error:
        problems.extend(error.problems)
        return item.settings.defaults


def _skip(needs: Iterable[str], tasks: frozenset[str], subject: Subject) -> Skip | None:
    facts: Facts = subject.facts
    if tasks and facts.task not in tasks:
        return Skip("not_applicable", f"It asks about {', '.join(sorted(tasks))} networks; this one is for {facts.task}.")
    unmet = [need for need in sorted(needs) if not subject.has(need)]
    if "inputs" not in unmet and any(need in KINDS for need in unmet):
        return Skip("not_applicable", " ".join(subject.why_not(need) for need in unmet if need in KINDS))
    return Skip("not_assessed", " ".join(subject.why_not(need) for need in unmet if need not in KINDS)) if unmet else None


def _plan_probes(config: AuditConfig, subject: Subject, wanted: set[str], problems: list[str]) -> tuple[Node, ...]:
    instances: dict[str, ProbeConfig] = {}
    for name, declared in config.probes.items():
        probe_id = name.partition(":")[0]
        if probe_id not in discovery.probe_ids():
            problems.append(f"there is no probe {probe_id!r}: {nearest(probe_id, discovery.probe_ids())}")
        elif not _left_out({name}, subject):
            instances[name] = declared
    graph: dict[str, tuple[str, ...]] = {}
    pending = sorted({"outputs"} | wanted | {name for name, declared in instances.items() if declared.enabled})
    nodes: dict[str, Node] = {}
    while pending:
        name = pending.pop()
        if name not in nodes:
            nodes[name] = _node(name, instances.get(name, ProbeConfig()), subject, problems)
            graph[name] = nodes[name].probe.reads
            pending.extend(nodes[name].probe.reads)
    return tuple(_inherit(nodes[name], nodes) for name in _ordered(graph))


def _node(name: str, declared: ProbeConfig, subject: Subject, problems: list[str]) -> Node:
    probe = discovery.probe(name.partition(":")[0])
    settings = _resolve(probe, declared.settings, f"probes.{name}", problems)
    rows = probe.sample if declared.rows is None else None if declared.rows == "all" else declared.rows
    skip = _skip(probe.needs, probe.tasks, subject)
    if not declared.enabled:
        skip = Skip("not_assessed", "Switched off in the audit file.")
    return Node(name, probe, settings, rows, declared.witness, skip)


def _ordered(graph: dict[str, tuple[str, ...]]) -> list[str]:
    sorter = TopologicalSorter({name: sorted(graph[name]) for name in sorted(graph)})
    try:
        return list(sorter.static_order())
    except CycleError as error:
        raise ConfigError(f"probes read each other in a circle: {' -> '.join(error.args[1])}") from None


def _inherit(node: Node, nodes: Mapping[str, Node]) -> Node:
    blocked = [name for name in node.probe.reads if nodes[name].skip is not None]
    if node.skip is None and blocked:
        return replace(node, skip=Skip("not_assessed", f"It reads {blocked[0]}, which could not be measured."))
    return node


def _without_probes(planned: PlannedCheck, skipped: Mapping[str, Skip]) -> PlannedCheck:
    reason = next((skipped[name] for name in planned.check.reads if name in skipped), None)
    if planned.skip is None and reason is not None:
        return PlannedCheck(planned.check, planned.settings, planned.criteria, reason)
    return planned
