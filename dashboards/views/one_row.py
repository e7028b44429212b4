"""Everything held about one row: inputs in raw units, outputs, decision, attributions of all methods side by side, other instruments."""

from __future__ import annotations

import numpy as np
import streamlit as st

from audit.results import AuditRun
from audit.rows import Rows
from dashboards.charts import attribution_bars
from dashboards.links import parameters
from dashboards.plain_text import escaped
from dashboards.row_tables import Attribution, attributions, decision_words, further_frame, inputs_frame, outputs_frame, place_of

BESIDE = 3
"""Charts on one line."""
TOLD = 12
"""Inputs that are drawn at first, the largest attributions of any method."""


def show_row(run: AuditRun, rows: Rows, position: int) -> None:
    """The row at `position` of the evaluation data."""
    place = place_of(rows.positions, position)
    if place is None:
        st.warning("This row is not in the run.")
        return
    _header(run, rows, position, place)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Inputs and groups", anchor=False)
        st.dataframe(inputs_frame(rows, place), hide_index=True, height=430 if len(rows.facts.schema.columns) > 9 else "content")
    with right:
        st.subheader("Outputs", anchor=False)
        st.dataframe(outputs_frame(rows, place), hide_index=True, height="content")
    _attributions(rows, position)
    further = further_frame(rows, position)
    if not further.empty:
        st.subheader("Other instruments", anchor=False)
        st.dataframe(further, hide_index=True, height="content" if len(further) < 16 else 560)


def _header(run: AuditRun, rows: Rows, position: int, place: int) -> None:
    # A link to the page one is on leaves the address as it was, so it is written anew: it must name the row that is shown.
    st.query_params.from_dict(parameters(run=run.id, row=position))
    name = f", id {escaped(str(rows.column('subject.id')[place]), 80)}" if rows.has("subject.id") else ""
    st.header(f"Row {position:,}{name}", anchor=False)
    st.markdown(f"**{escaped(decision_words(rows, place), 300)}**")
    with st.container(horizontal=True):
        st.page_link("views/rows.py", label="Back to all rows", query_params=parameters(run=run.id))
        if place > 0:
            st.page_link("views/rows.py", label="Row before", query_params=parameters(run=run.id, row=int(rows.positions[place - 1])))
        if place + 1 < rows.n:
            st.page_link("views/rows.py", label="Row after", query_params=parameters(run=run.id, row=int(rows.positions[place + 1])))


def _attributions(rows: Rows, position: int) -> None:
    st.subheader("What the output is attributed to", anchor=False)
    found, missing = attributions(rows, position)
    if missing:
        st.markdown(f"Not in the sample of: {escaped(', '.join(missing), 200)}. These instruments measure a sample of the rows.")
    if not found:
        st.info("No attribution of this row was measured. Checks of the family explanation make an audit measure them.")
        return
    st.markdown(
        "Dots are attributions per input, lines two standard errors to each side where the method has one. "
        "Each method answers its own question on its own scale, so compare order and sign, not size. None of them tells a cause."
    )
    names = _order(found)
    if len(names) > TOLD and not st.toggle(f"Draw all {len(names)} inputs"):
        names = names[:TOLD]
    for start in range(0, len(found), BESIDE):
        for column, item in zip(st.columns(BESIDE), found[start : start + BESIDE], strict=False):
            with column:
                _method(item, names)


def _method(item: Attribution, names: list[str]) -> None:
    target = f"for class {item.target}" if item.target else ""
    st.markdown(f"**{escaped(item.method, 60)}** {escaped(target, 80)}")
    shown = item.frame.set_index("input").reindex(names).reset_index().dropna(subset=["value"])
    words = ", ".join(f"{name} {value:.3g}" for name, value in zip(shown["input"][:5], shown["value"][:5], strict=True))
    st.altair_chart(attribution_bars(shown, "attribution"), alt=f"Attributions by {item.method}: {words}", key=f"attribution {item.method}")
    with st.expander("Numbers"):
        st.dataframe(item.frame, hide_index=True, key=f"numbers {item.method}")


def _order(found: list[Attribution]) -> list[str]:
    shares: dict[str, float] = {}
    for item in found:
        sizes = np.abs(np.nan_to_num(item.frame["value"].to_numpy(dtype=np.float64)))
        total = float(sizes.sum()) or 1.0
        for name, size in zip(item.frame["input"], sizes, strict=True):
            shares[name] = max(shares.get(name, 0.0), float(size) / total)
    return sorted(shares, key=lambda name: (-shares[name], name))
