"""One finding: the answer, its charts and numbers, the limits it was held against, and the page of its check."""

from __future__ import annotations

import itertools
import json

import streamlit as st

from audit.chart_kinds import Chart
from audit.facts import facts_of
from audit.results import AuditRun, Finding
from audit.run_json import plain
from dashboards import source
from dashboards.charts import chart_data, drawn, left_out
from dashboards.csv_text import csv_text
from dashboards.frame import badge, heading, paragraphs, pick_run, runs_or_advice, shown
from dashboards.links import chosen, parameters
from dashboards.plain_text import escaped
from dashboards.row_tables import group_link
from dashboards.tables import absent_frame, limits_frame, measurements_frame, measurements_raw, status_words
from reports.chart_text import describe
from reports.ranking import ranked_measurements
from reports.status import LOOKS
from reports.summary import answer
from reports.wording import rows_text

# Charts that are drawn at once, the others on demand. A comment, since Streamlit draws a text that stands alone in a view.
FIRST_CHARTS = 4
# Links to rows of groups.
ROW_LINKS = 4


def show() -> None:
    """The finding a link or the reader chooses."""
    heading("One finding", "One question that was asked of the run: its answer with its doubt, and how to read it.")
    items = runs_or_advice()
    if not items:
        return
    left, right = st.columns(2)
    with left:
        run = source.read_run(pick_run(items))
    if not run.findings:
        st.info("No check was planned in this run, so there is no finding to show.")
        return
    with right:
        finding = _pick(run)
    st.header(escaped(finding.title), anchor=False)
    badge(finding.status)
    st.markdown(escaped(finding.card.question, 400))
    _answer(finding)
    _charts(finding)
    _numbers(run, finding)
    _page(finding)
    st.page_link("views/run.py", label="Back to the run", query_params=parameters(run=run.id))


def _pick(run: AuditRun) -> Finding:
    checks = [finding.check for finding in run.findings]
    link = chosen(st.query_params.to_dict(), "check", checks)
    if link.problem:
        st.warning(escaped(link.problem))
    by_check = {finding.check: finding for finding in run.findings}
    words = {check: f"{status_words(finding.status)} · {finding.title}" for check, finding in by_check.items()}
    picked = str(st.selectbox("Finding", checks, index=checks.index(link.value) if link.value else 0, format_func=words.__getitem__))
    if st.query_params.get("check") != picked:
        st.query_params["check"] = picked
    return by_check[picked]


def _answer(finding: Finding) -> None:
    st.markdown(f"**{escaped(answer(finding), 500)}**")
    if finding.reason and finding.reason != answer(finding):
        st.markdown(escaped(finding.reason, 800))
    st.markdown(LOOKS[finding.status].meaning)
    for blocker in finding.blockers:
        st.warning(escaped(blocker, 600))


def _charts(finding: Finding) -> None:
    for position, chart in enumerate(finding.charts[:FIRST_CHARTS]):
        _chart(chart, position)
    further = finding.charts[FIRST_CHARTS:]
    if further and st.toggle(f"Draw the other {len(further)} charts" if len(further) > 1 else "Draw the other chart"):
        for position, chart in enumerate(further, FIRST_CHARTS):
            _chart(chart, position)


def _chart(chart: Chart, position: int) -> None:
    st.subheader(escaped(chart.title), anchor=False)
    picture, words = drawn(chart), describe(chart)
    data = chart_data(chart)
    if picture is None:
        st.dataframe(data, hide_index=True, key=f"table {position}")
    else:
        st.altair_chart(picture, alt=words, key=f"chart {position}")
        st.markdown(escaped(words, 600))
    st.markdown(left_out(chart))
    if picture is not None and not data.empty:
        with st.expander("Data of this chart"):
            st.dataframe(data, hide_index=True, key=f"data {position}")


def _numbers(run: AuditRun, finding: Finding) -> None:
    st.subheader("Numbers", anchor=False)
    if not finding.measurements:
        st.info("This finding has no numbers. Its reason is given above.")
    else:
        st.markdown("Gravest and most telling first; each with its interval and the rows behind it.")
        frame = measurements_frame(finding)
        st.dataframe(frame, hide_index=True, height="content" if len(frame) < 16 else 560)
    with st.container(horizontal=True):
        name = f"{run.id}.{finding.check}"
        if finding.measurements:
            st.download_button("Download the numbers (CSV)", lambda: csv_text(measurements_raw(finding)), file_name=f"{name}.csv", mime="text/csv")
        st.download_button("Download the finding (JSON)", lambda: _json(finding), file_name=f"{name}.json", mime="application/json")
    _rows_links(run, finding)
    if finding.criteria:
        st.subheader("Limits it was held against", anchor=False)
        st.dataframe(limits_frame([finding]), hide_index=True)
    if finding.absent:
        st.subheader("What could not be estimated", anchor=False)
        frame = absent_frame(finding)
        st.dataframe(frame, hide_index=True, height="content" if len(frame) < 16 else 560)


def _rows_links(run: AuditRun, finding: Finding) -> None:
    """Links to the rows behind the first numbers that are about groups."""
    facts, slices = facts_of(run), [finding.measurements[place].slice for place in ranked_measurements(finding)]
    told = {rows_text(rows): rows for rows in slices if rows}
    links = ((f"Rows with {text}", group_link(facts, rows)) for text, rows in told.items())
    found = itertools.islice(((label, link) for label, link in links if link is not None), ROW_LINKS)
    with st.container(horizontal=True):
        st.page_link("views/rows.py", label="All rows", query_params=parameters(run=run.id))
        for label, link in found:
            st.page_link("views/rows.py", label=escaped(label, 120), query_params={**parameters(run=run.id), **link})


def _page(finding: Finding) -> None:
    for note in finding.notes:
        st.markdown(f"Note: {escaped(note, 800)}")
    card = finding.card
    with st.expander("About this question: why it matters, how to read it, what it cannot show", expanded=True):
        for title, text in (("Why it matters", card.why), ("How to read it", card.how_to_read), ("What it cannot show", card.cannot_show)):
            st.markdown(f"**{title}**")
            paragraphs(text)
        if card.references:
            st.markdown("**References**")
            st.markdown("\n".join(f"- {escaped(reference, 400)}" for reference in card.references))
        if finding.settings:
            st.markdown(
                "**Settings of this run**: "
                + ", ".join(f"{escaped(str(key), 60)} = {escaped(str(value), 120)}" for key, value in finding.settings.items())
            )


def _json(finding: Finding) -> str:
    return json.dumps(plain(finding), ensure_ascii=False, indent=1)


shown(show)
