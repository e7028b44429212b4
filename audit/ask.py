"""Asks one check and judges its answer; a check that breaks becomes a finding with its trace and leaves the others whole."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace

from audit.judge import Verdict, judge
from audit.plan import PlannedCheck, Skip
from audit.results import Evidence, Finding
from audit.rows import Rows


def ask(planned: PlannedCheck, rows: Rows, notes: Mapping[str, Sequence[str]], warnings: tuple[str, ...]) -> Finding:
    """The finding of one planned check.

    `notes` are what instruments say about themselves; those of the instruments it reads are added (of `outputs`, which all read, only to the
    checks asked first). `warnings` become blockers (a sanity check that is outside).
    """
    started = time.perf_counter()
    absent = rows.absent_probes
    missing = [name for name in planned.check.reads if name in absent]
    skip = planned.skip or (Skip("not_assessed", f"{missing[0]} was not measured: {absent[missing[0]]}") if missing else None)
    if skip is not None:
        return _finding(planned, Evidence(), Verdict(skip.status, skip.reason, ()), 0.0)
    try:
        evidence = planned.check(rows, **planned.settings)
        evidence = replace(evidence, notes=(*evidence.notes, *_heard(planned, notes)), blockers=(*evidence.blockers, *warnings))
        _only_declared(planned, evidence)
        verdict = judge(evidence, planned.criteria)
    except Exception as error:  # noqa: BLE001  the runner alone catches all, and keeps the trace
        verdict = Verdict("error", f"The check broke: {type(error).__name__}: {error}", ())
        return _finding(planned, Evidence(), verdict, time.perf_counter() - started, trace=traceback.format_exc())
    return _finding(planned, evidence, verdict, time.perf_counter() - started)


def _heard(planned: PlannedCheck, notes: Mapping[str, Sequence[str]]) -> list[str]:
    read = [name for name in (*planned.check.reads, *planned.check.optional) if name != "outputs" or planned.check.first]
    return [note for name in read for note in notes.get(name, ())]


def _only_declared(planned: PlannedCheck, evidence: Evidence) -> None:
    made = {item.name for item in evidence.measurements} | {item.name for item in evidence.absent}
    unknown = sorted(made - set(planned.check.measures))
    if unknown:
        raise TypeError(f"{planned.check.id} measured {unknown}, which it does not declare in `measures`")


def _finding(planned: PlannedCheck, evidence: Evidence, verdict: Verdict, seconds: float, *, trace: str = "") -> Finding:
    check = planned.check
    return Finding(
        check=check.id,
        title=check.title,
        topics=check.topics,
        status=verdict.status,
        reason=verdict.reason,
        seconds=round(seconds, 4),
        settings=dict(planned.settings),
        criteria=planned.criteria,
        measurements=tuple(evidence.measurements),
        absent=tuple(evidence.absent),
        notes=tuple(evidence.notes),
        blockers=tuple(evidence.blockers),
        charts=tuple(evidence.charts),
        card=check.card,
        judgements=verdict.judgements,
        trace=trace,
    )
