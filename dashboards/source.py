"""Runs as the views read them: listed anew each time, read and verified once per manifest, kept while used."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from audit.errors import TamperedError
from audit.facts import facts_of
from audit.results import AuditRun
from audit.rows import Rows
from audit.store import RunStore, RunSummary
from dashboards.held_row import HeldRow, held_row
from dashboards.row_tables import rows_frame
from dashboards.what_if import Population, population


@dataclass(frozen=True)
class RowList:
    """Which rows a run holds, and the table of them."""

    positions: NDArray[np.int64]
    """Positions in the evaluation data, ascending."""
    frame: pd.DataFrame


def folder() -> Path:
    """Folder that holds the runs."""
    return Path(os.environ.get("NETASSAY_RUNS", "runs"))


def summaries() -> list[RunSummary]:
    """All sealed runs, newest first, those that cannot be read included."""
    return RunStore(folder()).runs()


def read_run(item: RunSummary) -> AuditRun:
    """The run; raises TamperedError when its files differ from the manifest, StoreError when it cannot be read."""
    return _run(str(folder()), item.id, item.digest)


def read_rows(item: RunSummary) -> RowList:
    """The rows of the run; raises StoreError when none were stored."""
    return _rows(str(folder()), item.id, item.digest)


def read_row(item: RunSummary, position: int) -> HeldRow:
    """Everything held about the row at `position` of the evaluation data."""
    return _row(str(folder()), item.id, item.digest, position)


def read_population(item: RunSummary) -> Population:
    """What decides about groups in the run; raises StoreError when no rows were stored."""
    return _population(str(folder()), item.id, item.digest)


@st.cache_resource(max_entries=32, show_spinner="Reading the run")
def _run(root: str, run_id: str, digest: str) -> AuditRun:  # noqa: ARG001  the digest is part of the key: a run that changed is read anew
    store = RunStore(Path(root))
    checked = store.verify(run_id)
    if not checked.ok:
        files = ", ".join(problem.file for problem in checked.problems[:5])
        raise TamperedError(f"The files of this run differ from its manifest ({files}), so nothing is shown from it. See: netassay verify {run_id}")
    return store.read(run_id)


@st.cache_resource(max_entries=4, show_spinner="Reading the rows")
def _rows(root: str, run_id: str, digest: str) -> RowList:
    run = _run(root, run_id, digest)
    rows = Rows(RunStore(Path(root)).path(run_id), facts_of(run), seed=run.seed)
    return RowList(rows.positions, rows_frame(rows))


@st.cache_resource(max_entries=64, show_spinner="Reading the row")
def _row(root: str, run_id: str, digest: str, position: int) -> HeldRow:
    return held_row(RunStore(Path(root)).path(run_id), facts_of(_run(root, run_id, digest)), position)


@st.cache_resource(max_entries=4, show_spinner="Reading the groups")
def _population(root: str, run_id: str, digest: str) -> Population:
    run = _run(root, run_id, digest)
    return population(Rows(RunStore(Path(root)).path(run_id), facts_of(run), seed=run.seed))
