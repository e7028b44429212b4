"""Asks one check and judges its answer; a check that breaks becomes a finding with its trace and leaves the others whole."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from audit.judge import Verdict, judge
from audit.plan import PlannedCheck, Skip
from audit.results import Evidence, Finding, Witness
from audit.rows import Rows
from audit.witness import called, told

WITNESS_ROWS = 10_000
"""Rows that another library recomputes numbers of groups from."""


@dataclass(frozen=True)
class Heard:
    """What there is to say about one instrument."""

    notes: Sequence[str] = ()
    seconded: str = ""
    """What another library found that does not disagree, or could not look."""
    objections: Sequence[str] = ()
    """Reasons to rely on it less: another library disagrees."""


def ask(planned: PlannedCheck, rows: Rows, heard: Mapping[str, Heard], warnings: tuple[str, ...]) -> Finding:
    """The finding of one planned check.

    `heard` holds what there is to say about instruments; of those the check reads, notes are added (of `outputs`, which all read, only to
    the checks asked first) and objections become blockers. `warnings` become blockers too (a sanity check that is outside).
    """
    started = time.perf_counter()
    absent = rows.absent_probes
    missing = [name for name in planned.check.reads if name in absent]
    skip = planned.skip or (Skip("not_assessed", f"{missing[0]} was not measured: {absent[missing[0]]}") if missing else None)
    if skip is not None:
        return _finding(planned, Evidence(), Verdict(skip.status, skip.reason, ()), 0.0)
    try:
        evidence = planned.check(rows, **planned.settings)
        _only_declared(planned, evidence)
        witness = _witness(planned, rows, evidence)
        evidence = _with_doubts(planned, evidence, heard, warnings, witness)
        verdict = judge(evidence, planned.criteria)
    except Exception as error:  # noqa: BLE001  the runner alone catches all, and keeps the trace
        verdict = Verdict("error", f"The check broke: {type(error).__name__}: {error}", ())
        return _finding(planned, Evidence(), verdict, time.perf_counter() - started, trace=traceback.format_exc())
    return _finding(planned, evidence, verdict, time.perf_counter() - started, witness=witness)


def _witness(planned: PlannedCheck, rows: Rows, evidence: Evidence) -> Witness | None:
    """The check's numbers by another library: those reported, or, of very many rows, those the check finds on some of them."""
    check, recompute = planned.check, planned.check.recompute
    if recompute is None:
        return None
    some = rows.some(WITNESS_ROWS, f"witness {check.id}")
    return called(check.library, lambda: recompute(some, evidence if some.n == rows.n else check(some, **planned.settings)))


def _with_doubts(
    planned: PlannedCheck, evidence: Evidence, heard: Mapping[str, Heard], warnings: tuple[str, ...], witness: Witness | None
) -> Evidence:
    read = [name for name in (*planned.check.reads, *planned.check.optional) if name in heard]
    notes = [note for name in read if name != "outputs" or planned.check.first for note in heard[name].notes]
    notes += [heard[name].seconded for name in read if name in planned.check.reads and heard[name].seconded]
    blockers = [objection for name in read for objection in heard[name].objections]
    if witness is not None:
        (blockers if witness.agrees is False else notes).append(told(witness, "the rates of groups"))
    return replace(evidence, notes=(*evidence.notes, *notes), blockers=(*evidence.blockers, *blockers, *warnings))


def _only_declared(planned: PlannedCheck, evidence: Evidence) -> None:
    made = {item.name for item in evidence.measurements} | {item.name for item in evidence.absent}
    unknown = sorted(made - set(planned.check.measures))
    if unknown:
        raise TypeError(f"{planned.check.id} measured {unknown}, which it does not declare in `measures`")


def _finding(
    planned: PlannedCheck, evidence: Evidence, verdict: Verdict, seconds: float, *, trace: str = "", witness: Witness | None = None
) -> Finding:
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
        witness=witness,
    )
