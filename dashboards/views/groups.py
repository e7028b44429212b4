"""Groups compared at any threshold: an exploration that changes nothing and judges nothing."""

from __future__ import annotations

import numpy as np
import streamlit as st

from audit.chart_kinds import BarChart
from audit.results import AuditRun
from dashboards import source
from dashboards.charts import drawn, left_out
from dashboards.csv_text import csv_text
from dashboards.frame import heading, pick_run, runs_or_advice, shown
from dashboards.links import parameters
from dashboards.plain_text import escaped
from dashboards.what_if import MOST_ATTRIBUTES, NAMES, GroupTable, Population, groups_at, table_frame
from reports.chart_text import describe
from reports.numbers import number, percent


def show() -> None:
    """The groups of one run, as the reader asks for them."""
    heading("Groups", "How often each group gets the favourable decision, or is decided wrongly, at the threshold you choose.")
    items = runs_or_advice()
    if not items:
        return
    item = pick_run(items)
    run = source.read_run(item)
    held = source.read_population(item)
    if not held.codes or not held.facts.positive:
        reason = "declares no groups" if not held.codes else "has no favourable class"
        st.info(f"This run {reason}, so there is nothing to compare. Groups are declared under data.groups of the audit file.")
        return
    st.badge("Exploratory", color="violet")
    st.markdown(
        "What is chosen here is not part of the sealed run, was not fixed beforehand and is held against no limit. "
        "With enough tries some gap is always large: the interval for all groups at once allows for the groups shown, not for the tries."
    )
    _explore(run, held)


def _explore(run: AuditRun, held: Population) -> None:
    names = list(held.codes)
    left, right = st.columns(2)
    attributes = left.multiselect(
        "Attributes, crossed",
        names,
        default=names[:1],
        max_selections=MOST_ATTRIBUTES,
        format_func=lambda name: escaped(name, 60),
        key=f"attributes {run.id}",
    )
    metric = str(right.selectbox("Rate", held.metrics, format_func=NAMES.__getitem__, key=f"metric {run.id}"))
    threshold = _threshold(run, held)
    if not attributes:
        st.info("Choose at least one attribute.")
        return
    table = groups_at(held, attributes, metric, threshold)
    _moved(held, threshold)
    _draw(table, NAMES[metric])
    frame = table_frame(table)
    st.dataframe(frame, hide_index=True, key="groups", height="content" if len(frame) < 16 else 560)
    _words(table)
    st.download_button("Download these groups (CSV)", lambda: csv_text(frame), file_name=f"{run.id}.groups.csv", mime="text/csv")
    st.page_link("views/run.py", label="Back to the run", query_params=parameters(run=run.id))


def _threshold(run: AuditRun, held: Population) -> float | None:
    """The threshold the reader moves; None where there is no score to hold it against."""
    score, declared = held.score, held.facts.threshold
    finite = None if score is None else score[np.isfinite(score)]
    if finite is None or declared is None or not len(finite):
        st.markdown("The run holds decisions without a score, so its threshold cannot be moved.")
        return None
    inside = bool(finite.min() >= 0 and finite.max() <= 1)
    low, high = (0.0, 1.0) if inside else (min(float(finite.min()), declared), max(float(finite.max()), declared))
    if low >= high:
        st.markdown("All scores are equal, so a threshold cannot be moved between them.")
        return None
    step = 0.01 if inside else (high - low) / 100
    # A slider shows its value in the accent colour, which is too faint on a dark ground.
    return float(st.number_input("Threshold", low, high, value=float(declared), step=step, format="%.4g", key=f"threshold {run.id}"))


def _moved(held: Population, threshold: float | None) -> None:
    if threshold is None or held.facts.threshold is None:
        return
    now, declared = held.at(threshold), held.selected
    changed = int((now != declared).sum())
    at = f"At {number(threshold)} (declared: {number(held.facts.threshold)})"
    rate = f"{percent(float(now.mean()))} of {len(now):,} rows get the favourable decision"
    st.markdown(escaped(f"{at}, {rate}; {changed:,} decisions differ from those of the run.", 400))


def _draw(table: GroupTable, name: str) -> None:
    frame = table_frame(table)
    chart = BarChart(
        title=name,
        categories=table.names,
        values=[None if value != value else float(value) for value in frame["Rate"].astype(float)],  # noqa: PLR0124  NaN is not itself
        low=[None if value != value else float(value) for value in frame["Low"].astype(float)],  # noqa: PLR0124
        high=[None if value != value else float(value) for value in frame["High"].astype(float)],  # noqa: PLR0124
        n=[share.rows for share in table.shares],
        x_label=name.lower(),
    )
    st.header(name, anchor=False)
    st.altair_chart(drawn(chart), alt=describe(chart), key="groups chart")
    st.markdown(left_out(chart))


def _words(table: GroupTable) -> None:
    parts = []
    if table.reference is not None:
        parts.append(f"Differences and ratios are to {table.names[table.reference]}.")
    parts.append("Groups with fewer than five rows in the denominator are counted and not compared; a rate without rows is left empty, not 0.")
    if table.unknown:
        parts.append(f"{table.unknown:,} rows of unknown membership are in no group.")
    if table.left_out:
        parts.append(f"{table.left_out:,} smaller groups are left out.")
    st.markdown(escaped(" ".join(parts), 800))


shown(show)
