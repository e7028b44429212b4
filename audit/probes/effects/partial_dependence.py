"""Probe `effects.partial_dependence`: the mean response, and that of single rows, with one column set to each of some values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.dataset import ColumnSchema
from audit.methods.effects.dependence import Dependence
from audit.methods.effects.dependence import partial_dependence as curves_of
from audit.moved_column import DrawnRows, draw_rows
from audit.probe import Block, Columns, Prepared, probe
from audit.subject import Subject

SHOWN = (0.1, 0.5, 0.9)
"""Quantiles over rows of their centred curves."""


@probe(columns={}, scope="subject", needs={"inputs", "columns"}, tasks={"binary", "multiclass", "regression", "anomaly"})
def partial_dependence(block: Block, state: Any, *, drawn: int = 300, grid: int = 12) -> Columns:  # noqa: ARG001  read by prepare
    """Partial dependence of the response on each raw column, over `drawn` evaluated rows, with curves of single rows (ICE) by their quantiles.

    Numeric columns are set to at most `grid` of their own values at even quantiles, others to each of their levels. The response is a
    probability where the model gives one.
    """
    raise TypeError("this probe leaves tables only")


@partial_dependence.prepare
def prepare(subject: Subject, *, drawn: int = 300, grid: int = 12) -> Prepared:
    """Tables `curves` (column, response, place, label, value, low, high, rows, and quantiles of centred curves) and `spread`."""
    held = draw_rows(subject, drawn, "partial dependence")
    curves: dict[str, list[Any]] = {}
    spread: dict[str, list[Any]] = {}
    for column in subject.facts.schema.columns:
        values = _grid(held, column, grid)
        found = curves_of(held.mover(column.name, values), len(values), len(held.raw)) if len(values) > 1 and len(held.raw) > 1 else None
        if found is not None:
            _write(curves, spread, column, values, found, held.responses)
    return Prepared(tables={"curves": curves, "spread": spread} if curves else {})


def _grid(held: DrawnRows, column: ColumnSchema, size: int) -> NDArray[Any]:
    if column.kind != "numeric":
        return np.array(column.levels, dtype=object)
    values = held.raw.values[column.name].astype(np.float64)[held.known(column)]
    return np.unique(np.quantile(values, np.linspace(0.02, 0.98, size), method="inverted_cdf")) if len(values) else np.zeros(0)


def _write(  # noqa: PLR0917  the tables, what they are about, what goes into them
    curves: dict[str, list[Any]],
    spread: dict[str, list[Any]],
    column: ColumnSchema,
    values: NDArray[Any],
    found: Dependence,
    responses: tuple[str, ...],
) -> None:
    centred = found.rows - found.rows.mean(axis=1, keepdims=True)
    quantiles = np.quantile(centred, SHOWN, axis=0)
    for k, response in enumerate(responses):
        for place, value in enumerate(values):
            line = {
                "column": column.name,
                "response": response,
                "place": float(value) if column.kind == "numeric" else float(place),
                "label": "" if column.kind == "numeric" else str(value),
                "value": float(found.mean[place, k]),
                "se": float(found.se[place, k]),
                "rows": len(found.rows),
            } | {f"q{int(100 * q)}": float(quantiles[i, place, k]) for i, q in enumerate(SHOWN)}
            for name, item in line.items():
                curves.setdefault(name, []).append(item)
        ends = found.rows[:, [int(found.mean[:, k].argmin()), int(found.mean[:, k].argmax())], k]
        rise = ends[:, 1] - ends[:, 0]
        told = {"column": column.name, "response": response, "range": float(np.ptp(found.mean[:, k])), "rows": len(found.rows)}
        told |= {"se": float(rise.std(ddof=1) / np.sqrt(len(rise))), "heterogeneity": float(found.heterogeneity[k])}
        for name, item in told.items():
            spread.setdefault(name, []).append(item)
