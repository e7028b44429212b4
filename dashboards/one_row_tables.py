"""Inputs, groups, outputs and further numbers of one row, as frames of text. Knows no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboards.held_row import HeldRow
from dashboards.row_words import UNKNOWN, class_name
from reports.numbers import number
from reports.visible import short
from reports.wording import title

FURTHER = ("attribution.", "robustness.", "anomaly.", "data.")


def inputs_frame(row: HeldRow) -> pd.DataFrame:
    """Raw inputs in raw units, and the groups the row belongs to."""
    held = row.values.get("subject", {})
    lines = [
        {"Input": short(column.name, 80), "Value": value_text(held[f"input.{column.name}"]), "Unit": short(column.unit, 60)}
        for column in row.facts.schema.columns
        if f"input.{column.name}" in held
    ]
    for spec in row.facts.groups:
        code = held.get(f"group.{spec.name}")
        if code is not None:
            level = short(spec.levels[code], 80) if 0 <= code < len(spec.levels) else UNKNOWN
            lines.append({"Input": f"{short(spec.name, 80)} (group)", "Value": level, "Unit": ""})
    return pd.DataFrame(lines, columns=["Input", "Value", "Unit"])


def outputs_frame(row: HeldRow) -> pd.DataFrame:
    """Outputs of the network, with class names."""
    held, lines = row.values.get("outputs", {}), []
    if "output" in held:
        outputs = np.atleast_1d(held["output"])
        lines += [_line("Output" if len(outputs) == 1 else f"Output {i + 1}", item) for i, item in enumerate(outputs)]
    if "probability" in held:
        lines += [_line(f"Probability of {class_name(row.facts, i)}", item) for i, item in enumerate(held["probability"])]
    lines += [_line(title(name), held[name]) for name in ("score", "loss", "margin", "error") if name in held]
    return pd.DataFrame(lines, columns=["Output", "Value"])


def further_frame(row: HeldRow, families: Sequence[str] = FURTHER) -> pd.DataFrame:
    """Every single number the probes of `families` hold about the row."""
    lines = [
        {"Instrument": probe, "Quantity": title(name), "Value": value_text(value), "Unit": short(row.units[probe].get(name, ""), 60)}
        for family in families
        for probe in row.probes(family)
        for name, value in row.values[probe].items()
        if not isinstance(value, np.ndarray)
    ]
    return pd.DataFrame(lines, columns=["Instrument", "Quantity", "Value", "Unit"])


def value_text(value: object) -> str:
    """A raw value as a reader sees it; ``missing`` for what is not there."""
    if value is None:
        return "missing"
    if isinstance(value, (bool, np.bool_)):
        return str(value)
    if isinstance(value, (float, np.floating)):
        return number(float(value)) if np.isfinite(value) else "missing"
    if isinstance(value, (int, np.integer)):
        return number(int(value))
    return short(str(value), 120)


def _line(name: str, value: object) -> dict[str, str]:
    return {"Output": name, "Value": value_text(value)}
