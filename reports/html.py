"""The report: one self-contained HTML page from one sealed run. The same run gives the same page; nothing is measured here."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from audit.metric_names import names_of
from audit.results import AuditRun, Finding
from reports import numbers, wording
from reports.chart_text import DataTable, table
from reports.charts import draw
from reports.number_table import NumberTable, number_table
from reports.status import LOOKS, PROBE_STATUS, legend
from reports.summary import answer, subject_facts, summarise, unassessed
from reports.visible import short, visible

TEMPLATES = Path(__file__).parent / "templates"
LARGEST = 1_000_000
"""Bytes a page may have; longer tables are shortened further, and say so, until it fits."""
LONGEST = 6000
"""Characters of one text that are shown."""


@dataclass(frozen=True)
class Detail:
    """How much of each table and drawing is shown."""

    rows: int
    points: int
    facts: int


DETAILS = (Detail(100, 40, 300), Detail(50, 40, 200), Detail(25, 30, 120), Detail(12, 16, 60), Detail(5, 8, 30), Detail(2, 4, 10))
"""From most to least; the first that fits `LARGEST` is taken."""


@dataclass(frozen=True)
class DrawnChart:
    """One chart as SVG with its table."""

    title: str
    kind: str
    drawing: Markup
    table: DataTable


@dataclass(frozen=True)
class Section:
    """One finding with everything its section shows."""

    anchor: str
    finding: Finding
    answer: str
    numbers: NumberTable
    charts: Sequence[DrawnChart]


def render(run: AuditRun, *, manifest: str | None = None) -> str:
    """The page of `run` as text; `manifest` is the digest of the sealed manifest when it was verified."""
    for detail in DETAILS:
        page = _page(run, manifest, detail)
        if len(page.encode()) < LARGEST:
            break
    return page


def write_report(run: AuditRun, path: Path, *, manifest: str | None = None) -> Path:
    """Write the page to `path` in one step, so that no reader ever sees half a page; returns `path`."""
    page = render(run, manifest=manifest).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync(path.parent)
    return path


def _page(run: AuditRun, manifest: str | None, detail: Detail) -> str:
    css = style_sheet()
    anchors = {finding.check: f"finding-{position}" for position, finding in enumerate(run.findings, start=1)}
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            manifest=manifest,
            detail=detail,
            css=Markup(css),  # noqa: S704  our own file, no part of it comes from the run
            policy=content_policy(css),
            purpose=wording.value_text(run.config.get("purpose", "")),
            summary=summarise(run, anchors),
            unassessed=unassessed(run, anchors),
            families=_families(run, anchors, detail),
            subject=[
                *((k, v) for k, v in wording.flat({k: v for k, v in run.subject.items() if k not in ("groups", "columns")})),
                *subject_facts(run),
            ],
        )
    )


def content_policy(css: str) -> str:
    """The content security policy of the page: nothing is loaded, only this style sheet counts."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


@cache
def style_sheet() -> str:
    """The style sheet, as it stands in the page."""
    return (TEMPLATES / "report.css").read_text(encoding="utf-8")


def _families(run: AuditRun, anchors: dict[str, str], detail: Detail) -> list[tuple[str, str, list[Section]]]:
    families: dict[str, list[Section]] = {}
    for finding in run.findings:
        families.setdefault(finding.check.split(".", 1)[0], []).append(_section(finding, anchors[finding.check], detail))
    return [(f"family-{position}", wording.title(name), sections) for position, (name, sections) in enumerate(families.items(), start=1)]


def _section(finding: Finding, anchor: str, detail: Detail) -> Section:
    charts = [
        DrawnChart(
            title=chart.title,
            kind=chart.kind,
            drawing=Markup(draw(chart, f"{anchor}-chart-{position}", points=detail.points)),  # noqa: S704  every text in it was escaped by reports.svg
            table=table(chart, limit=detail.rows),
        )
        for position, chart in enumerate(finding.charts, start=1)
    ]
    return Section(anchor, finding, answer(finding), number_table(finding, limit=detail.rows), charts)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, finalize=_shown, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"short": short, "count": numbers.count, "seconds": numbers.seconds, "words": wording.title}
    environment.globals |= {
        "looks": LOOKS,
        "legend": legend(),
        "probe_words": PROBE_STATUS,
        "flat": wording.flat,
        "absence": wording.absence,
        "limit_text": wording.limit_text,
        "rule_text": wording.rule_text,
        "capped": wording.capped,
        "plural": wording.plural,
        "seconded": wording.seconded,
        "metric_names": lambda finding: names_of(item.name for item in (*finding.measurements, *finding.absent)),
    }
    return environment


def _shown(value: Any) -> Any:
    """What stands in the page for a value: strange characters visible, very long texts cut with a remark."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return visible(value) if len(value) <= LONGEST else short(value, LONGEST)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
