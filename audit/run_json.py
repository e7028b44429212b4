"""The text of `run.json`: a run written and read. `to_json(from_json(text)) == text` for every stored text. Standard library only."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from audit.chart_kinds import CHARTS, Chart, Mark, Series
from audit.results import Absent, AuditRun, Card, Criterion, Finding, Judgement, Measurement, ProbeRecord, Simultaneous, Witness

SCHEMA = 1
"""Number of the layout of `run.json`; grows when a field changes meaning."""


def plain(value: Any) -> Any:
    """`value` as JSON types: dataclasses become objects, Decimals strings, tuples lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} cannot be stored; what was not measured is absent with its reason")
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"{type(value).__name__} cannot be stored in a run")


def to_json(run: AuditRun) -> str:
    """The text of ``run.json``: UTF-8 JSON, keys in field order, no NaN."""
    return json.dumps(plain(run), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def from_json(text: str) -> AuditRun:
    """The run in the text of a ``run.json``; raises ValueError for another schema or a missing field."""
    raw = json.loads(text)
    if raw.get("schema") != SCHEMA:
        raise ValueError(f"run.json has schema {raw.get('schema')!r}, this version reads {SCHEMA}")
    raw["findings"] = tuple(_finding(item) for item in raw["findings"])
    raw["probes"] = tuple(ProbeRecord(**_with_witness(item)) for item in raw["probes"])
    return AuditRun(**raw)


def _finding(raw: dict[str, Any]) -> Finding:
    raw["criteria"] = tuple(_criterion(item) for item in raw["criteria"])
    raw["measurements"] = tuple(_measurement(item) for item in raw["measurements"])
    raw["absent"] = tuple(Absent(**item) for item in raw["absent"])
    raw["charts"] = tuple(_chart(item) for item in raw["charts"])
    raw["card"] = Card(**raw["card"])
    raw["judgements"] = tuple(Judgement(**item) for item in raw["judgements"])
    return Finding(**_with_witness(raw))


def _with_witness(raw: dict[str, Any]) -> dict[str, Any]:
    held = raw.get("witness")
    return raw | {"witness": None if held is None else Witness(**held)}


def _measurement(raw: dict[str, Any]) -> Measurement:
    if raw["simultaneous"] is not None:
        raw["simultaneous"] = Simultaneous(**raw["simultaneous"])
    return Measurement(**raw)


def _criterion(raw: dict[str, Any]) -> Criterion:
    for end in ("minimum", "maximum"):
        raw[end] = None if raw[end] is None else Decimal(raw[end])
    return Criterion(**raw)


def _chart(raw: dict[str, Any]) -> Chart:
    if "marks" in raw:
        raw["marks"] = tuple(Mark(**mark) for mark in raw["marks"])
    if raw["kind"] == "line":
        raw["series"] = tuple(Series(**series) for series in raw["series"])
    return CHARTS[raw["kind"]](**raw)
