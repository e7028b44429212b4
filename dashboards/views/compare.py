"""Two runs side by side: statuses, and the numbers that both have."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from audit.results import AuditRun
from audit.store import RunSummary
from dashboards import source
from dashboards.csv_text import csv_text
from dashboards.frame import heading, pick_run, runs_or_advice, shown
from dashboards.tables import beside_words, measurements_beside, statuses_beside, unmatched


def show() -> None:
    """The two runs a link or the reader chooses."""
    heading("Compare two runs", "Statuses side by side, and the numbers both runs have. A difference tells nothing about its cause.")
    items = runs_or_advice()
    if not items:
        return
    if len(items) < 2:
        st.info("There is only one run. Audit another version of the network, or the same one on other data, to compare them here.")
        return
    left, right = st.columns(2)
    with left:
        one = pick_run(items, label="First run", default=_earlier(items).id)
    with right:
        two = pick_run(items, label="Second run", key="with", default=items[0].id)
    if one.id == two.id:
        st.info("Both are the same run. Choose another one on either side.")
        return
    first, second = source.read_run(one), source.read_run(two)
    _statuses(first, second)
    _numbers(first, second)


def _earlier(items: Sequence[RunSummary]) -> RunSummary:
    """The run before the newest with the newest one's subject, else simply the one before."""
    return next((item for item in items[1:] if item.name == items[0].name), items[1])


def _statuses(first: AuditRun, second: AuditRun) -> None:
    st.header("Statuses", anchor=False)
    frame = statuses_beside(first, second)
    differ = int((frame["Status"] == "differs").sum())
    st.markdown(f"{differ} of {len(frame)} findings have another status. Statuses also differ where limits do.")
    st.dataframe(frame, hide_index=True, height="content" if len(frame) < 21 else 700)


def _numbers(first: AuditRun, second: AuditRun) -> None:
    st.header("Numbers", anchor=False)
    words = beside_words(first, second)
    alone = unmatched(first, second)
    st.markdown(f"{len(words):,} numbers are in both runs; {alone[0]:,} only in the first, {alone[1]:,} only in the second.")
    if words.empty:
        st.info("The runs share no number: they asked different questions, or of differently named groups.")
        return
    st.markdown(
        "Intervals that overlap do not show that nothing changed; intervals apart do not show that it matters. "
        "Runs on the same rows are not independent."
    )
    checks = sorted(set(words["Check"]))
    picked = st.multiselect("Checks", checks, placeholder="all checks")
    apart = st.toggle("Only numbers whose intervals are apart")
    shown_words = words[(words["Check"].isin(picked) if picked else True) & ((words["Intervals"] == "apart") | (not apart))]
    st.dataframe(
        shown_words.loc[:, (shown_words != "").any() | (len(shown_words) == 0)], hide_index=True, height="content" if len(shown_words) < 16 else 560
    )
    raw = measurements_beside(first, second)
    st.download_button(
        "Download the comparison (CSV)",
        lambda: csv_text(raw.loc[shown_words.index]),
        file_name=f"{first.id}.{second.id}.csv",
        mime="text/csv",
    )


shown(show)
