"""A stored run is exact, has the fields that others read, and is read again."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from audit.chart_kinds import BarChart, HeatMap, LineChart, Mark, Series
from audit.results import AuditRun, Card, Criterion, Finding, Judgement, Measurement, ProbeRecord, Simultaneous, count_statuses
from audit.run_json import SCHEMA, from_json, to_json


def example() -> AuditRun:
    finding = Finding(
        check="fairness.selection_rates",
        title="Selection rates",
        topics=("fairness",),
        status="outside",
        reason="It is beyond the limit.",
        seconds=0.25,
        settings={"columns": ("a", "b"), "confidence": 0.95},
        criteria=(Criterion(measurement="impact_ratio", minimum=Decimal("0.80"), rule="four_fifths", because="b", source="s", owner="o"),),
        measurements=(
            Measurement(
                name="impact_ratio",
                value=0.1 + 0.2,
                low=0.25,
                high=0.4,
                n=40,
                slice={"sex": "female"},
                versus={"sex": "male"},
                at={"class": 1},
                counts={"selected": 3, "total": 40},
                simultaneous=Simultaneous(low=0.2, high=0.5, comparisons=3, method="Bonferroni"),
            ),
        ),
        absent=(),
        notes=("n",),
        blockers=(),
        charts=(
            BarChart(title="t", categories=("a",), values=(None,), marks=(Mark(value=1.0, label="equal"),)),
            LineChart(title="l", series=(Series(name="s", x=(0.0, 1.0), y=(0.5, 0.25)),), diagonal=True),
            HeatMap(title="h", rows=("a",), columns=("b",), values=((None,),)),
        ),
        card=Card(question="q?", why="w", how_to_read="h", cannot_show="c", references=("r",)),
        judgements=(Judgement(measurement=0, criterion=0, status="outside", reason="r"),),
    )
    probe = ProbeRecord(id="outputs", instance="outputs", scope="rows", status="measured", reason="", settings={}, rows=40, seconds=1.0, columns={})
    return AuditRun(
        schema=SCHEMA,
        id="20260101T000000Z-abcdef",
        name="a",
        started="2026-01-01T00:00:00Z",
        seconds=1.5,
        seed=7,
        config={"limit": "0.80"},
        criteria_fixed_at="2026-01-01T00:00:00Z",
        subject={},
        encoder={},
        probes=(probe,),
        statuses=count_statuses((finding,)),
        findings=(finding,),
    )


def test_a_run_survives_the_round_trip_through_json_exactly() -> None:
    text = to_json(example())

    assert to_json(from_json(text)) == text
    assert from_json(text).findings[0].measurements[0].value == 0.1 + 0.2
    assert from_json(text).findings[0].criteria[0].minimum == Decimal("0.80")


def test_fixed_field_names_are_present() -> None:
    raw = json.loads(to_json(example()))

    run = [
        "schema",
        "id",
        "name",
        "started",
        "seconds",
        "seed",
        "config",
        "criteria_fixed_at",
        "subject",
        "encoder",
        "probes",
        "statuses",
        "findings",
    ]
    finding = [
        "check",
        "title",
        "topics",
        "status",
        "reason",
        "seconds",
        "settings",
        "criteria",
        "measurements",
        "absent",
        "notes",
        "blockers",
        "charts",
        "card",
    ]
    measurement = ["name", "slice", "versus", "at", "value", "low", "high", "n", "unit", "method", "counts"]
    assert set(run) <= set(raw)
    assert set(finding) <= set(raw["findings"][0])
    assert set(measurement) <= set(raw["findings"][0]["measurements"][0])


def test_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="schema 99"):
        from_json(json.dumps({"schema": 99}))
