"""The frame of every view: heading, what is seen, the choice of a run, and a border at which errors become plain sentences."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence

import streamlit as st

from audit.errors import NetassayError
from audit.results import Status
from audit.store import RunSummary
from dashboards import source
from dashboards.links import chosen
from dashboards.plain_text import escaped
from dashboards.tables import run_words, status_words

COLOURS: dict[Status, str] = {
    "outside": "red",
    "error": "violet",
    "attention": "orange",
    "inconclusive": "violet",
    "not_assessed": "gray",
    "within": "green",
    "informative": "blue",
    "not_applicable": "gray",
}
FIRST_RUN = "netassay run audit.toml"


def shown(view: Callable[[], None]) -> None:
    """Draw a view; what breaks becomes a message without a trace, which goes to the terminal."""
    try:
        view()
    except NetassayError as error:
        st.error(escaped(str(error), 600))
    except Exception:  # noqa: BLE001  the border of the view: no reader ever meets a trace
        sys.stderr.write(traceback.format_exc())
        st.error(
            "This view could not be drawn. The run may be from another version, or its files may be damaged: netassay verify tells. "
            "The technical reason is in the terminal that serves the dashboard."
        )


def heading(title: str, seen: str) -> None:
    """Title of a view and the sentence that says what is seen."""
    st.title(title, anchor=False)
    st.markdown(seen)


def runs_or_advice() -> list[RunSummary]:
    """All runs; without any, says how to make the first and returns none."""
    items = source.summaries()
    if not items:
        st.info(f"There are no runs in {escaped(str(source.folder()), 300)} yet. Make one where your audit file lies, then reload this page:")
        st.code(f"{FIRST_RUN} --out {source.folder()}", language=None)
        st.markdown("No audit file yet? `netassay init` writes one to fill in; `netassay checks list` shows the questions an audit can ask.")
    return items


def pick_run(items: Sequence[RunSummary], *, label: str = "Run", key: str = "run", default: str | None = None) -> RunSummary:
    """The run a link or the reader chooses; the link in the address follows the choice."""
    ids = [item.id for item in items]
    link = chosen(st.query_params.to_dict(), key, ids)
    if link.problem:
        st.warning(escaped(link.problem))
    remembered = st.session_state.get(f"chosen {key}")
    first = link.value or (remembered if remembered in ids else None) or (default if default in ids else None) or ids[0]
    words = {item.id: run_words(item) for item in items}
    picked = str(st.selectbox(label, ids, index=ids.index(first), format_func=words.__getitem__))
    st.session_state[f"chosen {key}"] = picked
    if st.query_params.get(key) != picked:
        st.query_params[key] = picked
    return items[ids.index(picked)]


def badge(status: Status) -> None:
    """A status as shape, word and colour."""
    st.badge(status_words(status), color=COLOURS[status])


def paragraphs(text: str) -> None:
    """A text of several paragraphs, shown as it is."""
    for part in text.split("\n\n"):
        if part.strip():
            st.markdown(escaped(part, 4000))


def clicked_line(event: object) -> int | None:
    """Position of the line in which a cell was clicked; None without a click."""
    cells = getattr(getattr(event, "selection", None), "cells", None) or []
    return int(cells[0][0]) if cells else None
