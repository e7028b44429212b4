"""Which group the others are compared with: the declared one, the one selected most often where that was asked for, else the largest."""

from __future__ import annotations

from collections.abc import Sequence

from audit.methods.fairness.comparisons import highest_rate, largest_group
from audit.methods.statistics.group_shares import group_shares
from audit.row_design import row_design
from audit.rows import Rows

FEWEST_BEST = 30
"""Rows a group needs to be the best one, so that no tiny group decides."""


def reference_group(rows: Rows, attribute: str, sizes: Sequence[int]) -> int | None:
    """Position of the reference among the levels of `attribute`, of which each has `sizes` rows; None when no level has any."""
    spec = rows.group_spec(attribute)
    if spec.reference in spec.levels:
        return spec.levels.index(spec.reference)
    best = _selected_most(rows, attribute) if spec.best and rows.facts.positive else None
    return largest_group(sizes) if best is None else best


def reference_note(rows: Rows, attribute: str, reference: int | None) -> str:
    """A sentence that names the reference; empty without one."""
    spec = rows.group_spec(attribute)
    if reference is None:
        return ""
    why = "" if spec.reference else ", the group selected most often" if spec.best and rows.facts.positive else ", the largest group"
    return f"{attribute}: compared with {spec.levels[reference]}{why}."


def _selected_most(rows: Rows, attribute: str) -> int | None:
    held, design = rows.group(attribute), row_design(rows)
    shares = group_shares(rows.selected, held.codes, len(held.levels), weights=design.weights, clusters=design.clusters)
    return highest_rate(shares, fewest_rows=FEWEST_BEST)
