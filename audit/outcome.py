"""What a finished run means for the caller: its exit code, and the sentence that explains it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from audit.results import AuditRun, Finding

FailOn = Literal["outside", "attention", "never"]

DONE, LIMIT, USAGE, INCOMPLETE, INTERRUPTED = 0, 1, 2, 3, 130


@dataclass(frozen=True)
class Outcome:
    """Exit code and reason of a finished run."""

    code: int
    reason: str


def outcome(run: AuditRun, *, fail_on: FailOn = "outside", allow_unresolved: bool = False) -> Outcome:
    """0, 1 or 3 for a sealed run; see the module constants.

    3 when a check or block failed, or when limits were declared and none could be judged; else 1 when a limit is outside (or, with
    ``fail_on="attention"``, at attention) or a declared limit is left unresolved; else 0. ``fail_on="never"`` turns 1 into 0.
    """
    broken = [item.check for item in run.findings if item.status == "error"] + [
        p.instance for p in run.probes if p.status == "error" or p.failed_rows
    ]
    if broken:
        return Outcome(INCOMPLETE, f"incomplete: {', '.join(broken)} failed")
    declared = [item for item in run.findings if any(not c.technical for c in item.criteria)]
    if declared and not any(_judged(item) for item in declared):
        return Outcome(INCOMPLETE, "incomplete: limits were declared, but none could be judged")
    grave = ("outside",) if fail_on != "attention" else ("outside", "attention")
    hit = [item.check for item in run.findings if item.status in grave]
    open_ = [item.check for item in declared if item.status in ("inconclusive", "not_assessed")]
    if fail_on != "never" and hit:
        return Outcome(LIMIT, f"{' or '.join(grave)}: {', '.join(hit)}")
    if fail_on != "never" and open_ and not allow_unresolved:
        return Outcome(LIMIT, f"declared limits left unresolved: {', '.join(open_)}")
    return Outcome(DONE, "no declared limit is outside")


def _judged(finding: Finding) -> bool:
    declared = {index for index, criterion in enumerate(finding.criteria) if not criterion.technical}
    return any(j.criterion in declared and j.status != "not_assessed" for j in finding.judgements)
