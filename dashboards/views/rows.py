"""The rows of a run: chosen by group and decision, sorted; or everything held about one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from audit.results import AuditRun
from dashboards import source
from dashboards.csv_text import csv_text
from dashboards.frame import clicked_line, heading, pick_run, runs_or_advice, shown
from dashboards.links import chosen_row, chosen_values, parameters
from dashboards.plain_text import escaped
from dashboards.row_tables import LISTED, SORTABLE, filter_key, filters, picked, with_visible_ids
from dashboards.views.one_row import show_row

# Filters that are shown at once; of more, the reader picks. A comment, since Streamlit draws a text that stands alone in a view.
FILTERS = 8
Kept = Mapping[str, Sequence[str]]


def show() -> None:
    """The table of rows, or the row that a link names."""
    one = "row" in st.query_params
    if one:
        heading("One row", "Why the network decided this row as it did, how little would have to change to turn it, and how usual it is.")
    else:
        heading("Rows", "Each line is one row of the evaluation data: what the network decided, what the label says, and who it concerns.")
    items = runs_or_advice()
    if not items:
        return
    item = pick_run(items)
    run, data = source.read_run(item), source.read_rows(item)
    link = chosen_row(st.query_params.to_dict(), data.positions)
    if link.problem:
        st.warning(escaped(link.problem))
    asked = _asked(data.frame, warn=not one)
    if link.value is not None:
        show_row(run, source.read_row(item, int(link.value)), data.positions, filters=_parameters(asked))
    else:
        _table(run, data.frame, asked)


def _asked(frame: pd.DataFrame, *, warn: bool) -> Kept:
    """The values that a link keeps, per column."""
    kept = {}
    for column, values in filters(frame).items():
        kept[column], problems = chosen_values(st.query_params.get_all(filter_key(column)), filter_key(column), values)
        for problem in problems if warn else ():
            st.warning(escaped(problem))
    return kept


def _parameters(kept: Kept) -> dict[str, list[str]]:
    return {filter_key(column): list(values) for column, values in kept.items() if values}


def _table(run: AuditRun, frame: pd.DataFrame, asked: Kept) -> None:
    st.markdown("Click a line to see its inputs, outputs and attributions. These may be data about people: show them to nobody without need.")
    kept = _kept(run, filters(frame), asked)
    # Always written: a link to the page one is on leaves the address as it was, and it must name what is shown, so that it can be passed on.
    st.query_params.from_dict({**parameters(run=run.id), **_parameters(kept)})
    found = _sorted(frame, kept)
    if found.empty:
        st.info("No row matches. Choose fewer values, or empty the search.")
        return
    listed = with_visible_ids(found.head(LISTED))
    st.markdown(
        f"{len(found):,} of {len(frame):,} rows."
        + (f" Listed: the first {LISTED:,} in this order; the download has all." if len(found) > LISTED else "")
    )
    event = st.dataframe(
        listed, hide_index=True, on_select="rerun", selection_mode="single-cell", key=f"rows {run.id}", height=560 if len(listed) > 15 else "content"
    )
    line = clicked_line(event)
    if line is not None:
        st.switch_page("views/rows.py", query_params={**parameters(run=run.id, row=int(listed["Row"].iloc[line])), **_parameters(kept)})
    st.download_button("Download these rows (CSV)", lambda: csv_text(found), file_name=f"{run.id}.rows.csv", mime="text/csv")


def _kept(run: AuditRun, choices: Kept, asked: Kept) -> Kept:
    columns = list(choices)
    if len(columns) > FILTERS:
        linked = [column for column in columns if asked.get(column)]
        columns = st.multiselect("Choose rows by", columns, default=linked or columns[:3], key=f"columns {run.id}")
    kept = {}
    for column, place in zip(columns, _places(len(columns)), strict=True):
        kept[column] = place.multiselect(
            escaped(column), list(choices[column]), default=asked.get(column, []), placeholder="any", key=f"kept {run.id} {column}"
        )
    return kept


def _sorted(frame: pd.DataFrame, kept: Kept) -> pd.DataFrame:
    first, second, third = st.columns([2, 2, 1], vertical_alignment="bottom")
    text = first.text_input("Search by id", placeholder="part of an id") if "Id" in frame else ""
    legal = [column for column in SORTABLE if column in frame]
    sort = str(second.selectbox("Sort by", legal))
    return picked(frame, kept=kept, sort=sort, descending=third.toggle("Largest first"), text=text or "")


def _places(count: int) -> list[st.delta_generator.DeltaGenerator]:
    places: list[st.delta_generator.DeltaGenerator] = []
    for start in range(0, count, 4):
        places += st.columns(4)[: count - start]
    return places


shown(show)
