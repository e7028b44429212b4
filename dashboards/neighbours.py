"""The reference rows that the network represents most like one row, side by side with it. Knows no Streamlit."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dashboards.held_row import HeldRow
from dashboards.one_row_tables import value_text
from dashboards.row_words import class_name
from reports.visible import short

PROBE = "anomaly.feature_neighbours"
BANK = "bank"


def neighbours_frame(row: HeldRow) -> pd.DataFrame:
    """One line per distance, position, label and input; one column for the row and one per neighbour, nearest first; empty without neighbours.

    Read from the probe's columns ``nearest`` (m,), lines of its table ``bank`` or -1, and ``nearest_distance`` (m,). Labels of neighbours are
    those of the reference data as they stand there.
    """
    nearest, distances = row.get(PROBE, "nearest"), row.get(PROBE, "nearest_distance")
    if nearest is None or distances is None or row.table_rows(PROBE, BANK) is None:
        return pd.DataFrame()
    kept = [place for place, line in enumerate(nearest) if line >= 0]
    if not kept:
        return pd.DataFrame()
    held = row.lines(PROBE, BANK, [int(nearest[place]) for place in kept])
    lines = [("Distance", "", "0", *(value_text(float(distances[place])) for place in kept))]
    lines.append(("Position in its data", "", value_text(row.position), *(value_text(one["position"]) for one in held)))
    label = row.get("subject", "label")
    own = class_name(row.facts, int(label)) if label is not None and row.facts.task != "regression" else value_text(label)
    lines += _line(held, "label", "Label", "", own)
    for column in row.facts.schema.columns:
        name = f"input.{column.name}"
        lines += _line(held, name, short(column.name, 80), short(column.unit, 60), value_text(row.get("subject", name)))
    return pd.DataFrame(lines, columns=["What", "Unit", "This row", *(f"Neighbour {number + 1}" for number in range(len(kept)))])


def _line(held: list[dict[str, Any]], name: str, words: str, unit: str, own: str) -> list[tuple[str, ...]]:
    return [(words, unit, own, *(value_text(one[name]) for one in held))] if name in held[0] else []
