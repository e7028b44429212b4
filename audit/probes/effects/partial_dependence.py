"""Probe `effects.partial_dependence`: the mean response, and that of single rows, with one column set to each of some values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.dataset import ColumnSchema
from audit.methods.effects.dependence import Dependence
from audit.methods.effects.dependence import partial_dependence as curves_of
from audit.methods.statistics.influence import freedom_of
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
        if len(values) > 1 and len(held.raw) > 1:
            design = held.design
            found = curves_of(held.mover(column.name, values), len(values), len(held.raw), weights=design.weights, clusters=design.clusters)
            _write(curves, spread, column, values, found, held)
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
    held: DrawnRows,
) -> None:
    centred, weights, clusters = found.rows - found.rows.mean(axis=1, keepdims=True), held.design.weights, held.design.clusters
    if weights is None:
        quantiles = np.quantile(centred, SHOWN, axis=0)
    else:
        quantiles = np.quantile(centred, SHOWN, axis=0, weights=weights, method="inverted_cdf")
    for k, response in enumerate(held.responses):
        for place, value in enumerate(values):
            line = {
                "column": column.name,
                "response": response,
                "place": float(value) if column.kind == "numeric" else float(place),
                "label": "" if column.kind == "numeric" else str(value),
                "value": float(found.mean[place, k]),
                "se": float(found.se[place, k]),
                "rows": len(found.rows),
                "freedom": freedom_of(len(found.rows), weights, clusters),
            } | {f"q{int(100 * q)}": float(quantiles[i, place, k]) for i, q in enumerate(SHOWN)}
            for name, item in line.items():
                curves.setdefault(name, []).append(item)
        told = {"column": column.name, "response": response, "range": float(np.ptp(found.mean[:, k])), "rows": len(found.rows)}
        told |= {"heterogeneity": float(found.heterogeneity[k])}
        for name, item in told.items():
            spread.setdefault(name, []).append(item)
