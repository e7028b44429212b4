"""The rows of a run: chosen by group and decision, sorted; or everything held about one of them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from audit.results import AuditRun
from dashboards import source
from dashboards.frame import clicked_line, heading, pick_run, runs_or_advice, shown
from dashboards.links import chosen_row, parameters
from dashboards.plain_text import escaped
from dashboards.row_tables import LISTED, SORTABLE, filters, picked
from dashboards.views.one_row import show_row


def show() -> None:
    """The table of rows, or the row that a link names."""
    heading("Rows", "Each line is one row of the evaluation data: what the network decided, what the label says, and who it concerns.")
    items = runs_or_advice()
    if not items:
        return
    item = pick_run(items)
    run, data = source.read_run(item), source.read_rows(item)
    link = chosen_row(st.query_params.to_dict(), data.rows.positions)
    if link.problem:
        st.warning(escaped(link.problem))
    if link.value is not None:
        show_row(run, data.rows, int(link.value))
    else:
        _table(run, data.frame)


def _table(run: AuditRun, frame: pd.DataFrame) -> None:
    st.markdown("Click a line to see its inputs, outputs and attributions. These may be data about people: show them to nobody without need.")
    found = _found(frame)
    if found.empty:
        st.info("No row matches. Choose fewer values, or empty the search.")
        return
    listed = found.head(LISTED)
    st.markdown(
        f"{len(found):,} of {len(frame):,} rows."
        + (f" Listed: the first {LISTED:,} in this order; the download has all." if len(found) > LISTED else "")
    )
    event = st.dataframe(
        listed, hide_index=True, on_select="rerun", selection_mode="single-cell", key=f"rows {run.id}", height=560 if len(listed) > 15 else "content"
    )
    line = clicked_line(event)
    if line is not None:
        st.switch_page("views/rows.py", query_params=parameters(run=run.id, row=int(listed["Row"].iloc[line])))
    st.download_button("Download these rows (CSV)", lambda: found.to_csv(index=False), file_name=f"{run.id}.rows.csv", mime="text/csv")


def _found(frame: pd.DataFrame) -> pd.DataFrame:
    choices = filters(frame)
    kept = {}
    for column, place in zip(choices, _places(len(choices)), strict=True):
        kept[column] = place.multiselect(column.replace(":", "\\:"), choices[column], placeholder="any", key=f"kept {column}")
    first, second, third = st.columns([2, 2, 1], vertical_alignment="bottom")
    text = first.text_input("Search by id", placeholder="part of an id") if "Id" in frame else ""
    legal = [column for column in SORTABLE if column in frame]
    sort = str(second.selectbox("Sort by", legal))
    return picked(frame, kept=kept, sort=sort, descending=third.toggle("Largest first"), text=text or "")


def _places(count: int) -> list[st.delta_generator.DeltaGenerator]:
    places = []
    for start in range(0, count, 4):
        places += st.columns(4)[: count - start]
    return places


shown(show)
