"""The numbers of one finding as table rows: gravest first, columns that would be empty left out, a shared method told once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.results import Finding, Judgement, Measurement, Status
from reports.numbers import count, interval, quantity
from reports.ranking import ranked_measurements
from reports.visible import short
from reports.wording import at_text, capped, limit_text, rows_text, title


@dataclass(frozen=True)
class Held:
    """A number held against one limit."""

    limit: str
    status: Status


@dataclass(frozen=True)
class NumberRow:
    """One measurement as text."""

    name: str
    rows: str
    versus: str
    at: str
    value: str
    interval: str
    simultaneous: str
    n: str
    counts: str
    method: str
    held: Sequence[Held]


@dataclass(frozen=True)
class NumberTable:
    """All shown measurements of a finding, and which columns have anything to show."""

    rows: Sequence[NumberRow]
    versus: bool
    at: bool
    interval: bool
    simultaneous: bool
    method: bool
    held: bool
    shared_method: str
    family: str
    left_out: str


def number_table(finding: Finding, *, limit: int) -> NumberTable:
    """The table of `finding`, at most `limit` rows."""
    by_measurement: dict[int, list[Judgement]] = {}
    for item in finding.judgements:
        by_measurement.setdefault(item.measurement, []).append(item)
    chosen = ranked_measurements(finding)[:limit]
    rows = [_row(finding, finding.measurements[i], by_measurement.get(i, [])) for i in chosen]
    methods = {row.method for row in rows}
    return NumberTable(
        rows=rows,
        versus=any(row.versus for row in rows),
        at=any(row.at for row in rows),
        interval=any(row.interval for row in rows),
        simultaneous=any(row.simultaneous for row in rows),
        method=len(methods) > 1,
        held=any(row.held for row in rows),
        shared_method=next(iter(methods)) if len(methods) == 1 else "",
        family=_family([finding.measurements[i] for i in chosen]),
        left_out=capped(len(rows), len(finding.measurements), "measurements", "the gravest and the largest first"),
    )


def _row(finding: Finding, measurement: Measurement, judgements: Sequence[Judgement]) -> NumberRow:
    family = measurement.simultaneous
    held = [Held(limit_text(finding.criteria[item.criterion], measurement.unit), item.status) for item in judgements]
    counts = ", ".join(f"{short(str(name), 40)} {count(number)}" for name, number in (measurement.counts or {}).items())
    return NumberRow(
        name=title(measurement.name),
        rows=rows_text(measurement.slice),
        versus=rows_text(measurement.versus) if measurement.versus is not None else "",
        at=at_text(measurement.at),
        value=quantity(measurement.value, measurement),
        interval=interval(measurement, measurement.low, measurement.high),
        simultaneous=interval(measurement, family.low, family.high) if family is not None else "",
        n=count(measurement.n),
        counts=counts,
        method=short(measurement.method, 300),
        held=held,
    )


def _family(measurements: Sequence[Measurement]) -> str:
    families = sorted({(m.simultaneous.comparisons, m.simultaneous.method) for m in measurements if m.simultaneous is not None})
    told = [f"{count(comparisons)} comparisons ({short(method, 120)})" for comparisons, method in families]
    return f"The simultaneous intervals hold together for {'; '.join(told)}." if told else ""
