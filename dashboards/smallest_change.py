"""The smallest change of one row that an attack found to turn its decision, in raw units. Knows no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from audit.data.dataset import ColumnSchema
from audit.results import AuditRun
from dashboards.held_row import HeldRow
from dashboards.row_words import class_name, decided
from reports.numbers import number, percent
from reports.visible import short

PROBE = "robustness.pgd"
COLUMNS = ["Input", "Now", "After", "Change", "Unit", "Share of the largest"]


@dataclass(frozen=True)
class SmallestChange:
    """What one attack found for one row."""

    probe: str
    """Instance of the attack."""
    sentence: str
    """What was found, or why nothing is shown."""
    frame: pd.DataFrame
    """One line per input that changes, largest part first; empty where no confirmed change is held."""
    held: tuple[str, ...] = ()
    """Inputs that were declared immutable, and so were never changed."""


def smallest_changes(run: AuditRun, row: HeldRow) -> list[SmallestChange]:
    """One per planned attack; the reason in words where it did not measure this row."""
    planned = [record for record in run.probes if record.id == PROBE or record.instance.partition(":")[0] == PROBE]
    found = [
        _change(row, record.instance) if record.instance in row.values else _unmeasured(row, record.instance, record.reason) for record in planned
    ]
    return found or [SmallestChange(PROBE, "No check of this run asked for the smallest change that turns a decision.", _frame([]))]


def _unmeasured(row: HeldRow, probe: str, reason: str) -> SmallestChange:
    if probe in row.elsewhere:
        words = "No smallest change was searched for: this row is not in the sample of rows that were attacked."
    else:
        words = f"No smallest change was searched for in this run. {short(reason, 400)}".strip()
    return SmallestChange(probe, words, _frame([]))


def _change(row: HeldRow, probe: str) -> SmallestChange:
    spreads = row.table(probe, "scales") or {}
    unit, largest = _first(spreads, "radius"), _first(spreads, "largest")
    if row.get(probe, "censored") == 1:
        up_to = "" if unit is None or largest is None else f" up to a radius of {number(unit * largest)} spreads of each input, the largest tried"
        return SmallestChange(probe, f"No change of decision was found{up_to}. That none was found does not show that there is none.", _frame([]))
    if row.get(probe, "verified") != 1:
        words = "The attack found a change, but a fresh pass over the changed raw values did not confirm it, so none is shown."
        return SmallestChange(probe, words if row.get(probe, "verified") == 0 else "This row has no decision that could be turned.", _frame([]))
    radii = row.table(probe, "radii") or {}
    lines = _lines(row, np.asarray(row.get(probe, "changed"), dtype=np.float64), radii)
    immutable = tuple(short(str(name), 60) for name, fixed in zip(radii.get("column", []), radii.get("immutable", []), strict=False) if fixed)
    return SmallestChange(probe, _sentence(row, len(lines), row.get(probe, "distance")), _frame(lines), immutable)


def _sentence(row: HeldRow, inputs: int, distance: float | None) -> str:
    decision = decided(row)
    other = f" to {class_name(row.facts, 1 - decision)}" if decision is not None and row.facts.two_classes else ""
    size = "" if distance is None or not np.isfinite(distance) else f", none by more than {percent(distance)} of its spread in the data"
    return f"The smallest change found that turns the decision{other} moves {inputs:,} input{'s' if inputs != 1 else ''} together{size}."


def _lines(row: HeldRow, changed: np.ndarray, radii: dict[str, list[Any]]) -> list[dict[str, str]]:
    columns = row.facts.schema.columns
    if len(columns) != len(changed):
        return [_part(place, change) for place, change in enumerate(changed) if change]
    sizes = radii.get("radius") or [0.0] * len(changed)
    shares = {place: _share(abs(float(changed[place])), float(sizes[place]), columns[place]) for place in np.flatnonzero(changed)}
    top = max((share for share in shares.values() if share is not None), default=None)
    order = sorted(shares, key=lambda place: -_rank(shares[place]))
    return [_line(row, columns[place], float(changed[place]), shares[place], top) for place in order]


def _line(row: HeldRow, column: ColumnSchema, change: float, share: float | None, top: float | None) -> dict[str, str]:
    now = row.get("subject", f"input.{column.name}")
    part = "another level" if share is None or not top else f"{100 * share / top:.0f} %"
    line: dict[str, str] = {"Input": short(column.name, 80), "Unit": short(column.unit, 60), "Share of the largest": part}
    if column.levels:
        place = column.levels.index(now) if now in column.levels else 0
        after = column.levels[min(max(place + round(change), 0), len(column.levels) - 1)]
        return line | {"Now": "missing" if now is None else short(str(now), 80), "After": short(after, 80), "Change": "another level"}
    before, after = _apart(float(now), float(now) + change)
    return line | {"Now": before, "After": after, "Change": f"{'+' if change > 0 else ''}{number(change)}"}


def _share(change: float, radius: float, column: ColumnSchema) -> float | None:
    """Change in radii; None for levels, which have none."""
    return None if column.levels or not radius else change / radius


def _rank(share: float | None) -> float:
    # Rounded, so that inputs which share the largest part stay in the order of the data.
    return np.inf if share is None else round(share, 3)


def _part(place: int, change: float) -> dict[str, str]:
    """A part of a picture, whose single values the run does not hold."""
    words = {"Now": "", "After": "", "Unit": "", "Share of the largest": ""}
    return words | {"Input": f"part {place + 1}", "Change": f"{'+' if change > 0 else ''}{number(change)}"}


def _apart(one: float, other: float) -> tuple[str, str]:
    """Both numbers with as many digits as it takes to see that they differ."""
    told = number(one), number(other)
    if told[0] != told[1] or one == other:
        return told
    for digits in range(5, 18):
        told = f"{one:,.{digits}g}".replace("-", "−"), f"{other:,.{digits}g}".replace("-", "−")
        if told[0] != told[1]:
            break
    return told


def _frame(lines: Sequence[dict[str, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(list(lines), columns=COLUMNS)
    told = {name: set(frame[name]) - {""} for name in COLUMNS}
    shares = told["Share of the largest"]
    return frame.loc[:, [name for name in COLUMNS if told[name] and not (name == "Share of the largest" and len(shares) == 1)]]


def _first(table: dict[str, list[Any]], name: str) -> float | None:
    return float(table[name][0]) if table.get(name) else None
