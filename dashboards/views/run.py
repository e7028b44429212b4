"""One run: what was found, what was not assessed, limits and who owns them, what was audited and with what."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from audit.results import STATUSES, AuditRun
from audit.run_json import to_json
from audit.store import RunSummary
from dashboards import source
from dashboards.frame import badge, clicked_line, heading, pick_run, runs_or_advice, shown
from dashboards.links import parameters
from dashboards.plain_text import escaped
from dashboards.tables import findings_frame, limits_frame, probes_frame, status_words
from reports.status import LOOKS
from reports.summary import Told, Unassessed, subject_facts, summarise
from reports.visible import short
from reports.wording import flat


def show() -> None:
    """Summary, findings, limits and provenance of one run."""
    items = runs_or_advice_with_heading()
    if not items:
        return
    item = pick_run(items)
    run = source.read_run(item)
    st.header(escaped(run.name), anchor=False)
    purpose = str(run.config.get("purpose", "")) if hasattr(run.config, "get") else ""
    st.markdown(escaped(purpose, 400) if purpose else "No purpose was declared in the audit file.")
    _counts(run)
    _summary(run)
    st.subheader("All findings", anchor=False)
    st.markdown("Gravest first. Click a line to see its charts, numbers and limits.")
    frame = findings_frame(run)
    event = st.dataframe(
        frame,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-cell",
        key=f"findings {run.id}",
        height="content" if len(frame) < 21 else 700,
    )
    line = clicked_line(event)
    if line is not None:
        st.switch_page("views/finding.py", query_params=parameters(run=run.id, check=str(frame["Check"].iloc[line])))
    _limits(run)
    _provenance(item, run)


def runs_or_advice_with_heading() -> list[RunSummary]:
    """The heading of the view, then the runs there are."""
    heading("One run", "What one sealed audit found, what it could not assess, which limits were set and by whom. It decides nothing.")
    return runs_or_advice()


def _counts(run: AuditRun) -> None:
    with st.container(horizontal=True):
        for status in STATUSES:
            number = sum(finding.status == status for finding in run.findings)
            if number:
                st.metric(status_words(status), number, help=LOOKS[status].meaning, border=True, width=150)


def _summary(run: AuditRun) -> None:
    page = summarise(run, {finding.check: finding.check for finding in run.findings})
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("What was found", anchor=False)
        for told in page.findings:
            _told(run, told)
        st.markdown(page.findings_more.replace("sections", "list") or ("" if page.findings else "No check of this run has an answer to tell."))
    with right:
        st.subheader("What was not assessed", anchor=False)
        for missing in page.unassessed:
            _missing(run, missing)
        if not page.unassessed:
            st.markdown("Every planned check has an answer. Questions that no check asks are not in this run.")
        st.markdown(page.unassessed_more.replace("under What was not assessed", "in the list of findings"))


def _told(run: AuditRun, told: Told) -> None:
    with st.container(border=True, gap="small"):
        badge(told.status)
        st.page_link("views/finding.py", label=f"**{escaped(told.title)}**", query_params=parameters(run=run.id, check=told.anchor))
        st.markdown(escaped(told.text, 500))


def _missing(run: AuditRun, missing: Unassessed) -> None:
    with st.container(border=True, gap="small"):
        st.badge(f"□ {missing.status}", color="gray")
        if missing.anchor == "instruments":
            st.markdown(f"**{escaped(missing.title)}**")
        else:
            st.page_link("views/finding.py", label=f"**{escaped(missing.title)}**", query_params=parameters(run=run.id, check=missing.anchor))
        st.markdown(escaped(missing.reason, 400))


def _limits(run: AuditRun) -> None:
    st.subheader("Limits and their owners", anchor=False)
    frame = limits_frame(run.findings)
    if frame.empty:
        st.info("No limit was declared, so no number of this run was judged. Limits are set in the audit file, under the check they belong to.")
        return
    st.markdown(f"Fixed on {escaped(run.criteria_fixed_at, 40)}, before anything was measured.")
    st.dataframe(frame, hide_index=True, height="content" if len(frame) < 16 else 560)


def _provenance(item: RunSummary, run: AuditRun) -> None:
    st.subheader("What was audited, and with what", anchor=False)
    page = summarise(run, {finding.check: finding.check for finding in run.findings})
    facts = [*page.facts, *subject_facts(run), ("Seed", str(run.seed)), ("Manifest sha256", item.digest)]
    st.dataframe(_shown(facts, "What", "Value"), hide_index=True, height="content")
    with st.expander("Instruments"):
        st.dataframe(probes_frame(run), hide_index=True)
    with st.expander("Versions"):
        st.dataframe(_shown(flat(run.versions), "Package", "Version"), hide_index=True)
    st.page_link("views/rows.py", label="Look at the rows of this run", query_params=parameters(run=run.id))
    st.page_link("views/compare.py", label="Compare with another run", query_params=parameters(run=run.id))
    st.download_button("Download run.json", lambda: to_json(run), file_name=f"{run.id}.json", mime="application/json")


def _shown(pairs: Iterable[tuple[str, object]], name: str, value: str) -> pd.DataFrame:
    """Names and values of strangers as a reader can see them."""
    return pd.DataFrame([(short(first, 120), short(str(second), 400)) for first, second in pairs], columns=[name, value])


shown(show)
