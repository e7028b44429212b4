"""A small run to seal."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from audit.data.dataset import Schema
from audit.facts import Facts
from audit.results import AuditRun, Card, Finding, count_statuses
from audit.run_json import SCHEMA
from audit.store import RunStore, Stage

FACTS = Facts(
    task="binary",
    output="logits",
    classes=("0", "1"),
    favourable=(1,),
    threshold=0.5,
    label=None,
    label_kind="outcome",
    groups=(),
    schema=Schema(columns=()),
)


def run(run_id: str, *, name: str = "example", started: str = "2026-01-01T00:00:00Z") -> AuditRun:
    finding = Finding(
        check="a.b",
        title="t",
        topics=(),
        status="within",
        reason="r",
        seconds=0.5,
        settings={},
        criteria=(),
        measurements=(),
        absent=(),
        notes=(),
        blockers=(),
        charts=(),
        card=Card(question="q", why="w", how_to_read="h", cannot_show="c"),
    )
    return AuditRun(
        schema=SCHEMA,
        id=run_id,
        name=name,
        started=started,
        seconds=1.5,
        seed=7,
        config={},
        criteria_fixed_at=started,
        subject={},
        encoder={},
        probes=(),
        statuses=count_statuses((finding,)),
        findings=(finding,),
    )


def fill(stage: Stage) -> None:
    stage.log("started")
    stage.write_rows("subject", 0, {"id": np.array(["a", "b", "c"], dtype=object)}, positions=np.arange(3))
    stage.write_table("outputs", "classes", {"name": ["no", "yes"]})
    stage.write_array("grid", np.arange(6.0).reshape(2, 3))


def sealed(root: Path, run_id: str | None = None, *, name: str = "example", started: str = "2026-01-01T00:00:00Z") -> Path:
    with RunStore(root).begin(run_id) as stage:
        fill(stage)
        return stage.seal(run(stage.id, name=name, started=started))
