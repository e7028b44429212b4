"""What a run holds, as pandas frames: runs, findings, measurements, limits, probes, two runs side by side. Knows no Streamlit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pandas as pd

from audit.results import STATUSES, AuditRun, Criterion, Finding, Measurement, Status
from audit.store import RunSummary
from reports.numbers import interval, is_difference, number, quantity, seconds
from reports.ranking import ranked_measurements, worst_statuses
from reports.status import LOOKS
from reports.visible import short
from reports.wording import at_text, flat, limit_text, rows_text, rule_text, title

SIGNS: Mapping[Status, str] = {
    "outside": "◆",
    "error": "✕",
    "attention": "▲",
    "inconclusive": "◐",
    "not_assessed": "□",
    "within": "●",
    "informative": "○",
    "not_applicable": "–",
}
"""A shape per status, so that colour is never needed to tell them apart."""


def status_words(status: Status) -> str:
    """Shape and word of a status."""
    return f"{SIGNS[status]} {LOOKS[status].word}"


def moment(started: str) -> str:
    """A UTC start as a reader sees it; what is no such time is shown as it is."""
    return short(started, 40).replace("T", " ").split(".")[0].replace("+00:00", "").removesuffix("Z") + (" UTC" if started else "")


def run_words(item: RunSummary) -> str:
    """One run on one line."""
    return f"{short(item.name, 60)} · {moment(item.started)} · {item.id}" if not item.problem else f"cannot be read · {item.id}"


def runs_frame(items: Sequence[RunSummary]) -> pd.DataFrame:
    """One line per run, in the order given; a column of counts per status that any of the runs has."""
    shown = [status for status in STATUSES if any(item.statuses.get(status) for item in items)]
    lines = [
        {
            "Subject": short(item.name, 120) if not item.problem else f"cannot be read: {short(item.problem, 120)}",
            "Started": moment(item.started),
            "Checks": item.checks,
            **{status_words(status): int(item.statuses.get(status, 0)) for status in shown},
            "Took": seconds(item.seconds),
            "Run": item.id,
        }
        for item in items
    ]
    return pd.DataFrame(lines)


def matching(items: Sequence[RunSummary], *, text: str, statuses: Sequence[Status]) -> list[RunSummary]:
    """Runs whose name or id holds `text` and that have a finding of each of `statuses`."""
    wanted = text.strip().casefold()
    return [
        item
        for item in items
        if (wanted in item.name.casefold() or wanted in item.id.casefold()) and all(item.statuses.get(status, 0) for status in statuses)
    ]


def findings_frame(run: AuditRun) -> pd.DataFrame:
    """One line per finding, gravest first."""
    ordered = sorted(run.findings, key=lambda finding: (STATUSES.index(finding.status), finding.check))
    lines = [
        {
            "Status": status_words(f.status),
            "Finding": short(f.title, 120),
            "Why": short(f.reason, 400),
            "Numbers": len(f.measurements),
            "Check": f.check,
        }
        for f in ordered
    ]
    return pd.DataFrame(lines, columns=["Status", "Finding", "Why", "Numbers", "Check"])


def measurements_frame(finding: Finding) -> pd.DataFrame:
    """The measurements as text, gravest and most telling first; columns that would be empty are left out."""
    worst = worst_statuses(finding)
    lines = [_measurement_line(finding.measurements[i], worst.get(i)) for i in ranked_measurements(finding)]
    frame = pd.DataFrame(lines)
    return frame.loc[:, [column for column in frame.columns if (frame[column] != "").any()]]


def measurements_raw(finding: Finding) -> pd.DataFrame:
    """The measurements unrounded, in stored order, for a download."""
    worst = worst_statuses(finding)
    lines = [{"check": finding.check, **_raw(item), "status": worst.get(i, "informative")} for i, item in enumerate(finding.measurements)]
    return pd.DataFrame(lines)


def absent_frame(finding: Finding) -> pd.DataFrame:
    """What could not be estimated, and why."""
    lines = [
        {
            "Quantity": title(item.name),
            "Rows": rows_text(item.slice),
            "Compared with": rows_text(item.versus) if item.versus else "",
            "At": at_text(item.at),
            "Why": short(item.reason, 400),
            "n": item.n,
        }
        for item in finding.absent
    ]
    return pd.DataFrame(lines)


def limits_frame(findings: Sequence[Finding]) -> pd.DataFrame:
    """Every limit, with what came of it, why it was set and who answers for it."""
    lines = [_limit_line(finding, position, criterion) for finding in findings for position, criterion in enumerate(finding.criteria)]
    return pd.DataFrame(lines)


def probes_frame(run: AuditRun) -> pd.DataFrame:
    """The planned instruments and what became of them."""
    lines = [
        {
            "Instrument": short(p.instance, 120),
            "Outcome": p.status.replace("_", " "),
            "Rows": p.rows,
            "Rows failed": p.failed_rows,
            "Took": seconds(p.seconds),
            "Settings": short(", ".join(f"{key} = {value}" for key, value in flat(p.settings)), 300),
            "Why": short(p.reason, 300),
        }
        for p in run.probes
    ]
    return pd.DataFrame(lines)


def statuses_beside(first: AuditRun, second: AuditRun) -> pd.DataFrame:
    """Status of each check in both runs, those that differ first."""
    one, two = ({finding.check: finding for finding in run.findings} for run in (first, second))
    lines = []
    for check in sorted(one.keys() | two.keys()):
        pair = [run[check].status if check in run else None for run in (one, two)]
        words = [status_words(status) if status else "not asked" for status in pair]
        lines.append(
            {
                "Finding": short((two.get(check) or one[check]).title, 120),
                "First run": words[0],
                "Second run": words[1],
                "Status": _changed(pair),
                "Check": check,
            }
        )
    frame = pd.DataFrame(lines, columns=["Finding", "First run", "Second run", "Status", "Check"])
    return frame.sort_values("Status", kind="stable", ignore_index=True)


def measurements_beside(first: AuditRun, second: AuditRun) -> pd.DataFrame:
    """Unrounded measurements both runs have, matched on check, name, slice, versus and at; `difference` is second minus first."""
    one, two = _by_place(first), _by_place(second)
    lines = []
    for place in [key for key in one if key in two]:
        a, b = one[place], two[place]
        if a.unit != b.unit:
            continue
        lines.append(
            {
                **{key: value for key, value in _raw(a).items() if key in ("name", "slice", "versus", "at", "unit")},
                "check": place[0],
                **{f"first_{key}": getattr(a, key) for key in ("value", "low", "high", "n")},
                **{f"second_{key}": getattr(b, key) for key in ("value", "low", "high", "n")},
                "difference": b.value - a.value,
                "intervals": _overlap(a, b),
            }
        )
    return pd.DataFrame(lines)


def beside_words(first: AuditRun, second: AuditRun) -> pd.DataFrame:
    """`measurements_beside` as text for readers, in the same order."""
    one, two = _by_place(first), _by_place(second)
    lines = []
    for place, a in one.items():
        b = two.get(place)
        if b is None or a.unit != b.unit:
            continue
        lines.append(
            {
                "Quantity": title(a.name),
                "Rows": rows_text(a.slice),
                "Compared with": rows_text(a.versus) if a.versus else "",
                "At": at_text(a.at),
                "First run": quantity(a.value, a),
                "First, 95 % interval": interval(a, a.low, a.high),
                "Second run": quantity(b.value, b),
                "Second, 95 % interval": interval(b, b.low, b.high),
                "Second minus first": _signed(b.value - a.value, a),
                "Intervals": _overlap(a, b),
                "Check": place[0],
            }
        )
    return pd.DataFrame(lines)


def unmatched(first: AuditRun, second: AuditRun) -> tuple[int, int]:
    """Number of measurements that only the first, and only the second run has (or has in another unit)."""
    one, two = _by_place(first), _by_place(second)
    same = sum(1 for place, item in one.items() if place in two and two[place].unit == item.unit)
    return len(one) - same, len(two) - same


def _measurement_line(item: Measurement, status: Status | None) -> dict[str, str | int]:
    family = item.simultaneous
    return {
        "Quantity": title(item.name),
        "Rows": rows_text(item.slice),
        "Compared with": rows_text(item.versus) if item.versus else "",
        "At": at_text(item.at),
        "Value": quantity(item.value, item),
        "95 % interval": interval(item, item.low, item.high),
        "Simultaneous interval": interval(item, family.low, family.high) if family else "",
        "n": item.n,
        "Held against its limit": status_words(status) if status else "",
        "Counts": ", ".join(f"{short(key, 40)} {value:,}" for key, value in (item.counts or {}).items()),
        "Method": short(item.method, 300),
    }


def _raw(item: Measurement) -> dict[str, object]:
    family = item.simultaneous
    return {
        "name": item.name,
        "slice": json.dumps(dict(item.slice), ensure_ascii=False),
        "versus": "" if item.versus is None else json.dumps(dict(item.versus), ensure_ascii=False),
        "at": json.dumps(dict(item.at), ensure_ascii=False),
        "value": item.value,
        "low": item.low,
        "high": item.high,
        "simultaneous_low": family.low if family else None,
        "simultaneous_high": family.high if family else None,
        "n": item.n,
        "unit": item.unit,
        "method": item.method,
    }


def _limit_line(finding: Finding, position: int, criterion: Criterion) -> dict[str, str]:
    judged = [item for item in finding.judgements if item.criterion == position]
    worst = min((item.status for item in judged), key=STATUSES.index, default=None)
    unit = finding.measurements[judged[0].measurement].unit if judged else ""
    return {
        "Finding": short(finding.title, 120),
        "Quantity": title(criterion.measurement),
        "Limit": limit_text(criterion, unit),
        "Came out": status_words(worst) if worst else "nothing to hold against it",
        "Owner": short(criterion.owner, 120) or ("Netassay (technical limit)" if criterion.technical else "nobody was named"),
        "Because": short(criterion.because, 300),
        "Source": short(criterion.source, 200),
        "How": rule_text(criterion),
    }


def _changed(pair: Sequence[Status | None]) -> str:
    return "differs" if pair[0] != pair[1] else "same"


Place = tuple[str, str, str, str, str]


def _by_place(run: AuditRun) -> dict[Place, Measurement]:
    return {_place(finding.check, item): item for finding in run.findings for item in finding.measurements}


def _place(check: str, item: Measurement) -> Place:
    axes = (dict(item.slice), None if item.versus is None else dict(item.versus), dict(item.at))
    slice_, versus, at = (json.dumps(axis, sort_keys=True, ensure_ascii=False) for axis in axes)
    return check, item.name, slice_, versus, at


def _overlap(a: Measurement, b: Measurement) -> str:
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return "same value" if a.value == b.value else "no interval"
    return "apart" if a.high < b.low or b.high < a.low else "overlap"


def _signed(difference: float, item: Measurement) -> str:
    sign = "+" if difference > 0 else ""
    if item.unit == "proportion" and not is_difference(item):
        return f"{sign}{quantity(difference, item).removesuffix(' %')} points"
    if item.unit == "ratio":
        return f"{sign}{number(difference)}"
    return f"{sign}{quantity(difference, item)}"
