"""One row: the decision in a sentence, why, how little would have to change, how usual it is, and everything else that is held about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from audit.chart_kinds import SeriesStrip
from audit.results import AuditRun
from dashboards.candidate_reasons import candidate_reasons
from dashboards.charts import attribution_bars, drawn
from dashboards.csv_text import csv_text
from dashboards.drawn_inputs import strip_panels
from dashboards.held_row import HeldRow
from dashboards.links import parameters
from dashboards.neighbours import neighbours_frame
from dashboards.one_row_tables import further_frame, inputs_frame, outputs_frame
from dashboards.plain_text import escaped
from dashboards.row_attributions import Attribution, attributions, beside, most_attributed, not_sampled, pull_sentence, pulls
from dashboards.row_picture import row_pictures
from dashboards.row_under_test import row_under_test
from dashboards.row_words import decision_sentences
from dashboards.smallest_change import SmallestChange, smallest_changes
from dashboards.unusual import detectors_missing, unusual_frame
from reports.chart_text import describe

# Charts on one line; inputs that are drawn at first, and at most.
BESIDE = 3
TOLD = 12
DRAWN = 60
Filters = Mapping[str, Sequence[str]]


def show_row(run: AuditRun, row: HeldRow, positions: NDArray[np.int64], *, filters: Filters) -> None:
    """The row; `positions` are those of all rows of the run, `filters` what the list was narrowed to."""
    _header(run, row, positions, filters)
    found = attributions(row)
    changes = smallest_changes(run, row)
    _in_short(row, found, changes)
    _reasons(run, row)
    _changes(run, row, changes)
    _attributions(run, row, found)
    _under_test(run, row)
    _unusual(run, row)
    _neighbours(run, row)
    _held(run, row)


def _header(run: AuditRun, row: HeldRow, positions: NDArray[np.int64], filters: Filters) -> None:
    # A link to the page one is on leaves the address as it was, so it is written anew: it must name the row that is shown.
    st.query_params.from_dict({**parameters(run=run.id, row=row.position), **filters})
    held = row.get("subject", "id")
    st.header(f"Row {row.position:,}" + (f", id {escaped(str(held), 80)}" if held is not None else ""), anchor=False)
    place = int(np.searchsorted(positions, row.position))
    with st.container(horizontal=True):
        st.page_link("views/rows.py", label="Back to all rows", query_params={**parameters(run=run.id), **filters})
        for step, label in ((-1, "Row before"), (1, "Row after")):
            if 0 <= place + step < len(positions):
                asked = {**parameters(run=run.id, row=int(positions[place + step])), **filters}
                st.page_link("views/rows.py", label=label, query_params=asked)


def _in_short(row: HeldRow, found: Sequence[Attribution], changes: Sequence[SmallestChange]) -> None:
    sentences = decision_sentences(row)
    with st.container(border=True):
        st.markdown(f"**{escaped(sentences[0], 500)}**")
        for sentence in sentences[1:]:
            st.markdown(escaped(sentence, 500))
        if found:
            st.markdown(escaped(pull_sentence(found[0]), 900))
        st.markdown(escaped(changes[0].sentence, 600))


def _reasons(run: AuditRun, row: HeldRow) -> None:
    found = candidate_reasons(row)
    if not found:
        return
    st.subheader("Candidate principal reasons for creditor review", anchor=False)
    st.markdown(
        "Columns that pulled the score of this declined row down most, each by its shortfall against the comparison, on the scale of the "
        "decision score. Which reasons are stated is for those who know the whole case to decide."
    )
    for number, item in enumerate(found, start=1):
        st.markdown(f"**Compared with {escaped(item.baseline, 80)}**")
        if not item.frame.empty:
            st.dataframe(item.frame, hide_index=True, key=f"reasons {item.baseline}", height="content")
        for doubt in item.doubts:
            st.markdown(escaped(doubt, 300))
        _download(item.frame, "Download the candidates (CSV)", f"{run.id}.row-{row.position}.reasons-{number}.csv")


def _changes(run: AuditRun, row: HeldRow, changes: Sequence[SmallestChange]) -> None:
    st.subheader("How little would have to change", anchor=False)
    for number, change in enumerate(changes):
        if number or len(changes) > 1:
            st.markdown(f"**{escaped(change.probe, 80)}**: {escaped(change.sentence, 600)}")
        elif change.frame.empty:
            st.info(escaped(change.sentence, 600))
        if change.frame.empty:
            continue
        st.markdown(
            "All inputs below change at once; those that are not listed stay as they are. Spreads are those of the data; another level of a "
            "column of levels counts as one spread, and whole numbers move by whole steps. A smaller change may exist, and this is no advice: "
            "it need not be possible for a person."
        )
        st.dataframe(change.frame, hide_index=True, key=f"change {number}", height="content" if len(change.frame) < 16 else 560)
        if change.held:
            st.markdown(f"Held, as declared immutable: {escaped(', '.join(change.held), 600)}.")
        _download(change.frame, "Download the change (CSV)", f"{run.id}.row-{row.position}.change-{number + 1}.csv")


def _attributions(run: AuditRun, row: HeldRow, found: Sequence[Attribution]) -> None:
    st.subheader("Why: what the output is attributed to", anchor=False)
    missing = not_sampled(row)
    if missing:
        st.markdown(f"Not in the sample of: {escaped(', '.join(missing), 300)}. These instruments measure a sample of the rows.")
    if not found:
        st.info("No attribution of this row was measured. Checks of the family explanation make an audit measure them.")
        return
    st.markdown(
        "Dots are attributions per input, lines two standard errors to each side where the method has one. "
        + ("To the right is what speaks for this decision, whatever class a method explains. " if any(item.towards for item in found) else "")
        + "Each method answers its own question on its own scale, so compare order and sign, not size. None of them tells a cause."
    )
    names = most_attributed(found)
    more = f"all {len(names):,}" if len(names) <= DRAWN else f"{DRAWN} of {len(names):,}"
    chosen = names[:DRAWN] if len(names) <= TOLD or st.toggle(f"Draw {more} inputs") else names[:TOLD]
    for start in range(0, len(found), BESIDE):
        for column, item in zip(st.columns(min(BESIDE, len(found))), found[start : start + BESIDE], strict=False):
            with column:
                _method(item, chosen)
    _pictures(row, found)
    with st.expander("Numbers of all methods"):
        frame = beside(found, names)
        st.dataframe(frame, hide_index=True, key="attributions", height="content" if len(frame) < 16 else 560)
        _download(frame, "Download the attributions (CSV)", f"{run.id}.row-{row.position}.attributions.csv")


def _pictures(row: HeldRow, found: Sequence[Attribution]) -> None:
    pictures = dict(row_pictures(row))
    if not pictures:
        return
    names = list(pictures)
    chosen = st.segmented_control("Draw it by", names, default=names[0], required=True) if len(names) > 1 else names[0]
    drawings = pictures[chosen or names[0]]
    for place, chart in enumerate(drawings):
        if len(drawings) > 1:
            st.markdown(f"**{escaped(chart.title, 120)}**")
        if isinstance(chart, SeriesStrip):
            for number, panel in enumerate(strip_panels(chart)):
                st.altair_chart(panel, alt=describe(chart), key=f"picture {chosen} {place} {number}")
        elif (picture := drawn(chart)) is not None:
            st.altair_chart(picture, alt=describe(chart), key=f"picture {chosen} {place}", width="content")
    st.caption(
        (
            "Orange speaks for this decision, blue against it"
            if any(item.towards for item in found)
            else "Orange raises the explained output, blue lowers it"
        )
        + "; the paler, the less. All places of a patch, superpixel, window or piece have the shade of its attribution."
    )


def _under_test(run: AuditRun, row: HeldRow) -> None:
    found = row_under_test(row)
    if found is None:
        return
    st.subheader("Do these explanations tell what the network does?", anchor=False)
    st.markdown(
        "Inputs of the row are replaced by those of background rows, most relevant first and least relevant first. The area between the two "
        "curves is large when the ranking is right; the infidelity is the part of the changes under random replacements that the attributions "
        "do not foretell. Controls know nothing of this network: a method that does no better than they do explains nothing here. One row tells "
        "little; the check of faithfulness has the means with their intervals."
    )
    st.dataframe(found.frame, hide_index=True, height="content", key="under test")
    _download(found.frame, "Download the comparison (CSV)", f"{run.id}.row-{row.position}.under-test.csv")
    names = list(found.curves)
    chosen = st.segmented_control("Replace inputs as ranked by", names, default=names[0], required=True) if len(names) > 1 else names[0]
    chart = found.curves[chosen or names[0]]
    st.altair_chart(drawn(chart), alt=describe(chart), key=f"curves {chosen}")
    for sentence in found.sentences:
        st.markdown(escaped(sentence, 400))


def _method(item: Attribution, names: Sequence[str]) -> None:
    target = f"explains class {item.target}" if item.target else ""
    st.markdown(f"**{escaped(item.method, 80)}** {escaped(target, 80)}")
    shown = pulls(item).set_index("input").reindex(list(names)).reset_index().dropna(subset=["value"])
    words = ", ".join(f"{name} {value:.3g}" for name, value in zip(shown["input"][:5], shown["value"][:5], strict=True))
    st.altair_chart(
        attribution_bars(shown, "against ← this decision → for" if item.towards else "attribution"),
        alt=f"Attributions by {item.method}: {words}",
        key=f"attribution {item.method}",
    )
    for doubt in item.doubts:
        st.markdown(escaped(doubt[:1].upper() + doubt[1:], 200))


def _unusual(run: AuditRun, row: HeldRow) -> None:
    st.subheader("How unusual the row looks", anchor=False)
    frame, missing = unusual_frame(row), detectors_missing(run, row)
    if frame.empty:
        st.info("No anomaly detector measured this row. Checks of the family anomaly make an audit measure them.")
    else:
        st.markdown(
            "A p-value is the share of calibration rows that look at least as unusual to the detector, the row itself counted: small means odd. "
            "It cannot fall below the smallest value given beside it."
        )
        st.dataframe(frame, hide_index=True, height="content")
    for reason in missing:
        st.markdown(f"Not measured: {escaped(reason, 400)}")


def _neighbours(run: AuditRun, row: HeldRow) -> None:
    frame = neighbours_frame(row)
    if frame.empty:
        return
    st.subheader("The most similar rows the network knows", anchor=False)
    st.markdown("Reference rows that the network represents most like this one, nearest first. Alike to it need not be alike to a person.")
    st.dataframe(frame, hide_index=True, height="content" if len(frame) < 31 else 560)
    _download(frame, "Download the neighbours (CSV)", f"{run.id}.row-{row.position}.neighbours.csv")


def _held(run: AuditRun, row: HeldRow) -> None:
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Inputs and groups", anchor=False)
        inputs = inputs_frame(row)
        st.dataframe(inputs, hide_index=True, height=430 if len(inputs) > 11 else "content")
        _download(inputs, "Download the inputs (CSV)", f"{run.id}.row-{row.position}.inputs.csv")
    with right:
        st.subheader("Outputs", anchor=False)
        outputs = outputs_frame(row)
        st.dataframe(outputs, hide_index=True, height=430 if len(outputs) > 11 else "content")
    further = further_frame(row)
    if not further.empty:
        with st.expander("Every other number held about this row"):
            st.dataframe(further, hide_index=True, height="content" if len(further) < 16 else 560)


def _download(frame: pd.DataFrame, label: str, name: str) -> None:
    st.download_button(label, lambda: csv_text(frame), file_name=name, mime="text/csv", on_click="ignore", key=name)
