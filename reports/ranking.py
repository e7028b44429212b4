"""Which findings a reader should see first: gravity of the status, then certainty, then size. No weights, no score is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from audit.results import AuditRun, Finding, Measurement, Status
from reports.numbers import is_difference
from reports.status import gravity

TOLD: tuple[Status, ...] = ("outside", "error", "attention", "inconclusive", "informative", "within")
"""Statuses with something to tell, in the order of telling; the others are listed under what was not assessed."""

ASIDE = ("p_value", "by_chance", "flip", "shortfall", "detectable", "bound")
"""Parts of names of numbers that only go with others and tell nothing alone."""
FEW_ROWS = 30
"""Numbers that rest on fewer rows never lead when others can."""


def top_findings(run: AuditRun, count: int) -> list[Finding]:
    """The findings to tell first, at most `count`."""
    told = [finding for finding in run.findings if finding.status in TOLD]
    return sorted(told, key=_finding_key)[:count]


def lead(finding: Finding) -> Measurement | None:
    """The measurement that speaks for a finding: worst judged, then most certain, then largest; None when nothing was measured."""
    ranked = ranked_measurements(finding)
    return finding.measurements[ranked[0]] if ranked else None


def ranked_measurements(finding: Finding) -> list[int]:
    """Positions of the measurements, gravest and most telling first."""
    worst = worst_statuses(finding)
    order = range(len(finding.measurements))
    return sorted(order, key=lambda position: (gravity(worst.get(position, "informative")), *_telling(finding.measurements[position]), position))


def worst_statuses(finding: Finding) -> dict[int, Status]:
    """The gravest judgement of each judged measurement, by position."""
    worst: dict[int, Status] = {}
    for item in finding.judgements:
        if item.measurement not in worst or gravity(item.status) < gravity(worst[item.measurement]):
            worst[item.measurement] = item.status
    return worst


def spread_choice(values: Sequence[float | None], limit: int) -> list[int]:
    """Positions to show when only `limit` fit: half from the low end and half from the high end, in their own order."""
    known = sorted((value, position) for position, value in enumerate(values) if value is not None)
    if len(values) <= limit:
        return list(range(len(values)))
    half = limit // 2
    chosen = [*known[:half], *known[max(half, len(known) - (limit - half)) :]]
    return sorted(position for _, position in chosen)


def _finding_key(finding: Finding) -> tuple[object, ...]:
    leader = lead(finding)
    return (TOLD.index(finding.status), *(_telling(leader) if leader is not None else (True, True, 3, 1, 0.0)), finding.check)


def _telling(measurement: Measurement) -> tuple[bool, bool, int, int, float]:
    """Declared groups before explored ones, enough rows before few, an interval without "no difference" before one with it, large before small."""
    return (measurement.simultaneous is not None, measurement.n < FEW_ROWS, *_size(measurement))


def _size(measurement: Measurement) -> tuple[int, int, float]:
    """(0 for an interval without "no difference", 1 with it, 2 where no such value exists, 3 for numbers that only go with others;
    0 for shares and ratios, whose sizes compare, 1 for other units; minus the size)."""
    if any(part in measurement.name for part in ASIDE):
        return (3, 1, 0.0)
    if measurement.unit == "ratio" and measurement.value > 0:
        return (_holds(measurement, 1.0), 0, -abs(math.log(measurement.value)))
    if is_difference(measurement):
        return (_holds(measurement, 0.0), int(measurement.unit != "proportion"), -abs(measurement.value))
    return (2, 1, 0.0)


def _holds(measurement: Measurement, neutral: float) -> int:
    family = measurement.simultaneous
    low, high = (measurement.low, measurement.high) if family is None else (family.low, family.high)
    if low is None or high is None:
        return int(measurement.value == neutral)
    return int(low <= neutral <= high)
