"""Sealed runs of any size with hostile names, written through the store without running a network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import BarChart, HeatMap, Histogram, LineChart, Scatter, Series, TableChart
from audit.results import AuditRun, ProbeRecord
from audit.store import RunStore
from tests.reports.sample_run import many, sample_run

NASTY = (
    "<script>document.title='taken'</script>",
    "<img src=x onerror=document.title='taken'>",
    "[link](javascript:alert(1)) **bold** _it_ `code` # head",
    ":red[coloured] :material/home: :smile: :balloon:",
    "$\\frac{1}{0}$ $$x$$",
    '=HYPERLINK("http://example.org";"x")',
    "+1+1",
    "@SUM(A1)",
    "-2+3",
    "😀 \u202eevil\u202c \u0000 \t \n",
    "long " * 60,
)
"""Names that would do something if any place forgot to show them as text."""
Columns = dict[str, NDArray[Any]]


def write_run(runs: Path, *, rows: int = 40, inputs: int = 12, groups: int = 12, run_id: str = "20261122T214500Z-7f3a9c") -> AuditRun:
    """Seal a run with `inputs` raw columns and one attribute of `groups` levels, and eleven more attributes; returns it."""
    generator = np.random.default_rng(5)
    names = _names(inputs, "input")
    levels = _names(groups, "group")
    run = replace(_run(levels), id=run_id, subject=_subject(names, levels), probes=tuple(_record(probe) for probe in PROBES))
    with RunStore(runs).begin(run_id) as stage:
        positions = np.arange(rows, dtype=np.int64)
        score = generator.random(rows)
        for part, start in enumerate(range(0, rows, 65_536)):
            block = slice(start, start + 65_536)
            stage.write_rows("subject", part, _subject_rows(names, levels, positions[block], generator), positions=positions[block])
            stage.write_rows("outputs", part, _outputs(score[block], generator), positions=positions[block])
            stage.write_rows("anomaly.energy", part, {"score": score[block], "p_value": score[block]}, positions=positions[block])
        stage.write_table("anomaly.energy", "calibration", {"score": np.arange(99.0)})
        _neighbours(stage, names, positions, generator)
        _sampled(stage, names, positions[: min(rows, 200)], generator)
        stage.log("made")
        stage.seal(run)
    return run


PROBES = ("outputs", "anomaly.energy", "anomaly.feature_neighbours", "attribution.shapley", "attribution.lime", "robustness.pgd")


def _sampled(stage: Any, names: list[str], positions: NDArray[np.int64], generator: np.random.Generator) -> None:
    n, width = len(positions), len(names)
    for probe in ("attribution.shapley", "attribution.lime"):
        values = generator.normal(size=(n, width))
        columns = {"target": np.zeros(n, np.int32), "values": values, "se": np.full((n, width), 0.05), "stability": np.full(n, 0.9)}
        stage.write_rows(probe, 0, columns, positions=positions)
        stage.write_table(probe, "players", {"name": names})
    found = positions % 3 != 2
    changed = np.where(found[:, None] & (np.arange(width) % 2 == 0), 0.5, 0.0)
    columns = {
        "flipped": found.astype(np.int8),
        "censored": (~found).astype(np.int8),
        "verified": np.where(found, 1, -1).astype(np.int8),
        "smallest_scale": np.where(found, 5.0, np.nan),
        "distance": np.where(found, 0.5, np.nan),
        "changed": changed,
    }
    stage.write_rows("robustness.pgd", 0, columns, positions=positions)
    radii = {"column": names, "unit": [""] * width, "radius": np.full(width, 0.1), "immutable": np.arange(width) == 1}
    stage.write_table("robustness.pgd", "radii", radii)
    stage.write_table("robustness.pgd", "scales", {"radius": [0.1], "largest": [10.0], "level_cost": [1.0]})


def _neighbours(stage: Any, names: list[str], positions: NDArray[np.int64], generator: np.random.Generator) -> None:
    bank = 20
    nearest = (positions[:, None] + np.arange(3)) % bank
    nearest[1] = -1
    distance = np.where(nearest < 0, np.nan, np.arange(3) / 10)
    columns = {"score": distance[:, 2], "p_value": np.full(len(positions), 0.5), "nearest": nearest, "nearest_distance": distance}
    stage.write_rows("anomaly.feature_neighbours", 0, columns, positions=positions)
    stage.write_table("anomaly.feature_neighbours", "calibration", {"score": np.arange(99.0)})
    held = {"position": 10 * np.arange(bank), "label": [NASTY[i % 2] for i in range(bank)]}
    stage.write_table("anomaly.feature_neighbours", "bank", held | {f"input.{name}": generator.normal(size=bank) for name in names})


def _names(count: int, word: str) -> list[str]:
    held = list(NASTY[:count])
    return held + [f"{word} {i}" for i in range(count - len(held))]


def _run(levels: list[str]) -> AuditRun:
    run = many(sample_run(), findings=1, measurements=1)
    first = run.findings[0]
    bad = NASTY
    measurements = tuple(replace(first.measurements[0], slice={"g": level}, versus={"g": levels[0]}, at={bad[0]: bad[1]}) for level in levels)
    texts = {"title": bad[0], "reason": bad[2], "notes": bad, "blockers": bad[:4], "settings": dict.fromkeys(bad, bad[3])}
    hostile_finding = replace(first, check="fairness.hostile", measurements=measurements, charts=_charts(levels, bad), **texts)
    findings = (hostile_finding, *sample_run().findings)
    return replace(run, name=bad[0], config={**run.config, "purpose": bad[1]}, findings=findings, versions={**run.versions, bad[3]: bad[4]})


def _charts(levels: list[str], bad: tuple[str, ...]) -> tuple[Any, ...]:
    n = len(levels)
    return (
        BarChart(title=bad[0], categories=levels, values=[0.5] * n, low=[0.4] * n, high=[0.6] * n, n=[9] * n, x_label=bad[-1]),
        LineChart(title=bad[-1], series=[Series(name=name, x=[0, 1], y=[0, 1]) for name in bad], x_label=bad[0], y_label=bad[1]),
        Histogram(title=bad[1], edges=[0, 1, 2], series={name: [1, 2] for name in bad}, x_label=bad[0]),
        HeatMap(title=bad[0], rows=list(bad), columns=list(bad), values=[[0.5] * len(bad)] * len(bad), x_label=bad[0], y_label=bad[-1]),
        Scatter(title=bad[0], x=[0.0] * len(bad), y=[1.0] * len(bad), names=bad, x_label=bad[0]),
        TableChart(title=bad[0], columns=list(bad), rows=[list(bad)]),
    )


def _subject(names: list[str], levels: list[str]) -> dict[str, Any]:
    attributes = [("g", levels), *((f"{NASTY[i]}", ["a", "b"]) for i in range(len(NASTY)))]
    return {
        **sample_run().subject,
        "task": "binary",
        "output": "logits",
        "classes": [NASTY[0], NASTY[2]],
        "favourable": [1],
        "threshold": 0.5,
        "label": "label",
        "label_kind": "past_decision",
        "label_unit": "",
        "census": False,
        "groups": [{"name": name, "column": name, "levels": held, "reference": None, "shares": {}} for name, held in attributes],
        "columns": [{"name": name, "kind": "numeric", "unit": NASTY[3], "levels": [], "immutable": i == 1} for i, name in enumerate(names)],
    }


def _record(probe: str) -> ProbeRecord:
    return ProbeRecord(
        id=probe, instance=probe, scope="rows", status="measured", reason="", settings={"note": NASTY[0]}, rows=1, seconds=0.1, columns={}
    )


def _subject_rows(names: list[str], levels: list[str], positions: NDArray[np.int64], generator: np.random.Generator) -> Columns:
    n = len(positions)
    ids = np.array([f"{NASTY[i % len(NASTY)]} {i}" for i in positions], dtype=object)
    columns: Columns = {"id": ids, "label": generator.integers(0, 2, n), "group.g": (positions % len(levels)).astype(np.int32)}
    columns |= {f"group.{name}": generator.integers(-1, 2, n).astype(np.int32) for name in NASTY}
    return columns | {f"input.{name}": generator.normal(size=n) for name in names}


def _outputs(score: NDArray[np.float64], generator: np.random.Generator) -> Columns:
    n = len(score)
    return {
        "output": np.log(score / (1 - score))[:, None],
        "probability": np.stack([1 - score, score], axis=1),
        "score": score,
        "decision": (score >= 0.5).astype(np.int32),
        "finite": np.ones(n, np.int8),
        "correct": generator.integers(-1, 2, n).astype(np.int8),
        "loss": generator.random(n),
        "margin": score - 0.5,
    }
