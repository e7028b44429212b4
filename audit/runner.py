"""Runs one audit: plan, blocks, rows, checks, findings, sealed run. Isolates failures: a broken block or check leaves the others whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from audit.ask import Heard, ask
from audit.block import BlockResult, BlockTask
from audit.config_file import ConfigFile
from audit.measuring import RunContext, left_out, measure_node
from audit.open_model import NO_TRUST, Trust
from audit.open_subject import open_subject
from audit.plan import Node, Plan, Skip, make_plan
from audit.progress import Progress, Silent
from audit.results import AuditRun, Finding, ProbeRecord, count_statuses
from audit.rows import Rows
from audit.run_json import SCHEMA
from audit.store import BlockCache, RunStore, Stage
from audit.subject import Subject
from audit.subject_rows import write_subject_rows
from audit.versions import library_versions
from audit.witness import told

CACHE = ".cache"
"""Folder below the runs that holds measured blocks."""
SILENT = Silent()


class Executor(Protocol):
    """Where blocks are measured."""

    def map(self, tasks: Iterator[BlockTask]) -> Iterator[BlockResult]:
        """Results in the order of the tasks."""
        ...

    def close(self) -> None:
        """Release what it holds."""
        ...


@dataclass(frozen=True)
class Sealed:
    """A finished audit and its folder."""

    run: AuditRun
    folder: Path


def run_audit(
    file: ConfigFile,
    store: RunStore,
    *,
    executor: Callable[[Subject], Executor],
    trust: Trust = NO_TRUST,
    progress: Progress = SILENT,
    run_id: str | None = None,
) -> Sealed:
    """Audit what `file` describes and seal the run under `store`.

    Raises NetassayError for what the user can mend, before or while measuring; then nothing is left that looks like a run.
    """
    fixed_at = _now()
    clock = time.perf_counter()
    subject = open_subject(file, trust)
    plan = make_plan(file.config, subject)
    cache = BlockCache(store.root / CACHE)
    with store.begin(run_id) as stage:
        stage.log("started", name=file.config.name, seed=file.config.seed)
        write_subject_rows(stage, subject)
        workers = executor(subject)
        try:
            records = measure(RunContext(stage, subject, file.config.seed, cache, workers, progress), plan)
        finally:
            workers.close()
        findings = question(Rows(stage.folder, subject.facts, seed=file.config.seed, probes=_absent(records)), stage, plan, _heard(records), progress)
        run = AuditRun(
            schema=SCHEMA,
            id=stage.id,
            name=file.config.name,
            started=fixed_at,
            seconds=round(time.perf_counter() - clock, 3),
            seed=file.config.seed,
            config=_plain_config(file.raw),
            criteria_fixed_at=fixed_at,
            subject=subject.describe(),
            encoder=subject.encoder.description if subject.encoder is not None else {},
            probes=records,
            statuses=count_statuses(findings),
            findings=findings,
            versions=library_versions(),
        )
        folder = stage.seal(run)
    return Sealed(run, folder)


def measure(context: RunContext, plan: Plan) -> tuple[ProbeRecord, ...]:
    """Measure every probe of the plan in order; what breaks becomes a record with its trace."""
    records: list[ProbeRecord] = []
    for node in plan.nodes:
        broken = _broken(node, records)
        current = replace(node, skip=broken) if broken is not None and node.skip is None else node
        record = measure_node(context, current)
        context.stage.log("probe", instance=record.instance, status=record.status, rows=record.rows, seconds=record.seconds, reason=record.reason)
        records.append(record)
    return (*records, *(left_out(name, skip) for name, skip in plan.left_out.items()))


def question(rows: Rows, stage: Stage, plan: Plan, heard: Mapping[str, Heard], progress: Progress) -> tuple[Finding, ...]:
    """Ask every check of the plan; the outcome of those marked first becomes a blocker of the others."""
    findings: list[Finding] = []
    warnings: list[str] = []
    for number, planned in enumerate(plan.checks):
        # Rows keep columns they have read; a fresh view for each check keeps memory flat and checks independent.
        finding = ask(planned, rows.fresh(), heard, () if planned.check.first else tuple(warnings))
        if planned.check.first and finding.status == "outside":
            warnings.append(f"{finding.check} is outside its limits: {finding.reason}")
        stage.log("check", check=finding.check, status=finding.status, seconds=finding.seconds, reason=finding.reason)
        findings.append(finding)
        progress.checks(number + 1, len(plan.checks))
    return tuple(findings)


def _heard(records: Sequence[ProbeRecord]) -> dict[str, Heard]:
    return {record.instance: _about(record) for record in records}


def _about(record: ProbeRecord) -> Heard:
    if record.witness is None:
        return Heard(record.notes)
    sentence = told(record.witness, record.instance)
    return Heard(record.notes, objections=(sentence,)) if record.witness.agrees is False else Heard(record.notes, seconded=sentence)


def _absent(records: Sequence[ProbeRecord]) -> dict[str, str]:
    return {record.instance: record.reason for record in records if record.status != "measured"}


def _broken(node: Node, records: Sequence[ProbeRecord]) -> Skip | None:
    failed = [record.instance for record in records if record.instance in node.probe.reads and record.status != "measured"]
    return Skip("not_assessed", f"It reads {failed[0]}, which could not be measured.") if failed else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _plain_config(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain_config(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain_config(item) for item in value]
    return value if value is None or isinstance(value, (str, int, float, bool, Decimal)) else str(value)
