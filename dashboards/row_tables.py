"""The rows of a run as one frame, and the choice among them. Knows no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from audit.facts import Facts
from audit.results import Slice
from audit.rows import Rows
from dashboards.distinct_names import distinct
from dashboards.row_words import UNKNOWN
from reports.visible import short
from reports.wording import title

LISTED = 1000
"""Rows that are sent to the browser at once."""
GROUP = "Group: "
SORTABLE = ("Row", "Id", "Score", "Loss", "Margin", "Error")


def rows_frame(rows: Rows) -> pd.DataFrame:
    """One line per audited row: position, id, decision, score, label, whether they agree, loss, margin, groups. What was not measured is left out."""
    facts, frame = rows.facts, {"Row": rows.positions}
    frame |= {"Id": rows.column("subject.id")} if rows.has("subject.id") else {}
    if rows.has("outputs.decision") and facts.task != "regression":
        frame["Decision"] = _named(rows.decisions, facts.classes)
    if rows.has("outputs.score"):
        frame["Score"] = rows.column("outputs.score")
    if rows.has("subject.label"):
        frame["Label"] = rows.labels if facts.task == "regression" else _named(rows.labels, facts.classes)
    if rows.has("outputs.correct"):
        frame["Agrees with label"] = pd.Categorical.from_codes(np.maximum(rows.column("outputs.correct").astype(int), -1), ["no", "yes"])
    frame |= {title(name): rows.column(f"outputs.{name}") for name in ("loss", "margin", "error") if rows.has(f"outputs.{name}")}
    held = [spec for spec in facts.groups if rows.has(f"subject.group.{spec.name}")]
    groups = {_group_column(facts, spec.name): _named(rows.group(spec.name).codes, spec.levels) for spec in held}
    return pd.DataFrame(frame | groups)


def picked(frame: pd.DataFrame, *, kept: Mapping[str, Sequence[str]], sort: str, descending: bool, text: str) -> pd.DataFrame:
    """The rows whose named columns hold one of the kept values and whose id holds `text`, sorted; an empty choice keeps all."""
    mask = np.ones(len(frame), dtype=bool)
    for column, values in kept.items():
        if values:
            mask &= frame[column].isin(list(values)).to_numpy()
    if text.strip() and "Id" in frame:
        mask &= frame["Id"].astype(str).str.contains(text.strip(), case=False, regex=False).to_numpy()
    found = frame[mask]
    return found.sort_values(sort, ascending=not descending, kind="stable") if sort in found else found


def filters(frame: pd.DataFrame) -> dict[str, list[str]]:
    """The columns rows can be chosen by, each with its values."""
    return {
        name: [str(level) for level in frame[name].cat.categories] for name in frame.columns if isinstance(frame[name].dtype, pd.CategoricalDtype)
    }


def with_visible_ids(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with ids as a reader can see them: no hidden or turning signs, shortened."""
    return frame.assign(Id=[short(str(item), 120) for item in frame["Id"]]) if "Id" in frame else frame


def filter_key(column: str) -> str:
    """Name of a filter in a link: ``decision``, ``agrees_with_label``, ``group.sex``."""
    return f"group.{column.removeprefix(GROUP)}" if column.startswith(GROUP) else column.lower().replace(" ", "_")


def group_link(facts: Facts, rows: Slice) -> dict[str, str] | None:
    """Parameters of a link to the rows of a slice; None for all rows, and where the slice is not made of the declared groups."""
    levels = {spec.name: spec.levels for spec in facts.groups}
    if not rows or any(level not in levels.get(name, ()) for name, level in rows.items()):
        return None
    return {filter_key(_group_column(facts, name)): _level_names(levels[name])[levels[name].index(level)] for name, level in rows.items()}


def _group_column(facts: Facts, attribute: str) -> str:
    names = distinct([f"{GROUP}{short(spec.name, 40)}" for spec in facts.groups])
    return names[[spec.name for spec in facts.groups].index(attribute)]


def _level_names(levels: Sequence[str]) -> list[str]:
    return distinct([short(level, 80) for level in levels])


def _named(codes: np.ndarray, levels: Sequence[str]) -> pd.Categorical:
    names = _level_names(levels)
    if (codes < 0).any():
        names = distinct([*names, UNKNOWN])
    return pd.Categorical.from_codes(np.where(codes < 0, len(levels), codes).astype(np.int64), names)
