"""All sealed runs: searched, chosen by status, opened with a click."""

from __future__ import annotations

import streamlit as st

from audit.results import STATUSES
from dashboards.frame import clicked_line, heading, runs_or_advice, shown
from dashboards.links import parameters
from dashboards.tables import matching, runs_frame, status_words


def show() -> None:
    """The list of runs."""
    heading("Runs", "Each line is one sealed audit. The columns count its findings per status. Click a line to open the run.")
    items = runs_or_advice()
    if not items:
        return
    left, right = st.columns([2, 3])
    text = left.text_input("Search by subject or run", placeholder="part of a name")
    present = [status for status in STATUSES if any(item.statuses.get(status) for item in items)]
    statuses = right.multiselect("Runs that have findings with status", present, format_func=status_words, placeholder="any status")
    found = matching(items, text=text or "", statuses=statuses)
    st.markdown(f"{len(found):,} of {len(items):,} runs, newest first.")
    if not found:
        st.info("No run matches. Shorten the search, or choose fewer statuses.")
        return
    event = st.dataframe(
        runs_frame(found), hide_index=True, on_select="rerun", selection_mode="single-cell", key="runs", height="content" if len(found) < 16 else 600
    )
    line = clicked_line(event)
    if line is not None:
        st.switch_page("views/run.py", query_params=parameters(run=found[line].id))


shown(show)
