"""Which group the others are compared with: the declared one, else the largest."""

from __future__ import annotations

from collections.abc import Sequence

from audit.methods.fairness.comparisons import largest_group
from audit.rows import Rows


def reference_group(rows: Rows, attribute: str, sizes: Sequence[int]) -> int | None:
    """Position of the reference among the levels of `attribute`, of which each has `sizes` rows; None when no level has any."""
    spec = rows.group_spec(attribute)
    return spec.levels.index(spec.reference) if spec.reference in spec.levels else largest_group(sizes)


def reference_note(rows: Rows, attribute: str, reference: int | None) -> str:
    """A sentence that names the reference; empty without one."""
    spec = rows.group_spec(attribute)
    return "" if reference is None else f"{attribute}: compared with {spec.levels[reference]}{'' if spec.reference else ', the largest group'}."
