"""Probe `effects.accumulated_effects`: how the response moves with one column among rows that have such values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.dataset import ColumnSchema
from audit.methods.effects.accumulated import Accumulated, accumulated_levels, accumulated_numeric, quantile_edges, similar_order
from audit.methods.statistics.influence import freedom_of
from audit.moved_column import DrawnRows, draw_rows
from audit.probe import Block, Columns, Prepared, probe
from audit.subject import Subject


@probe(columns={}, scope="subject", needs={"inputs", "columns"}, tasks={"binary", "multiclass", "regression", "anomaly"})
def accumulated_effects(block: Block, state: Any, *, drawn: int = 2000, steps: int = 20) -> Columns:  # noqa: ARG001  read by prepare
    """Accumulated local effects of each raw column on the response, over `drawn` evaluated rows, with standard errors.

    Numeric columns are cut into at most `steps` steps with about as many rows each; levels of a categorical column stand in an order in which
    neighbours have alike rows. Rows in which the column is missing are left out.
    """
    raise TypeError("this probe leaves tables only")


@accumulated_effects.prepare
def prepare(subject: Subject, *, drawn: int = 2000, steps: int = 20) -> Prepared:
    """Table `curves` (column, response, place, label, value, se, rows): ordered along each column."""
    held = draw_rows(subject, drawn, "accumulated effects")
    curves: dict[str, list[Any]] = {}
    for column in subject.facts.schema.columns:
        part = held.some(held.known(column))
        found = _numeric(part, column, steps) if column.kind == "numeric" else _levels(part, column)
        if found is not None:
            _write(curves, column, part, *found)
    return Prepared(tables={"curves": curves} if curves else {})


def _numeric(part: DrawnRows, column: ColumnSchema, steps: int) -> tuple[Accumulated, list[float], list[str]] | None:
    values = part.raw.values[column.name].astype(np.float64)
    edges = quantile_edges(values, steps) if len(values) else np.zeros(0)
    if len(edges) < 2:
        return None
    found = accumulated_numeric(part.mover(column.name, edges), values, edges, weights=part.design.weights, clusters=part.design.clusters)
    return found, edges.tolist(), [""] * len(edges)


def _levels(part: DrawnRows, column: ColumnSchema) -> tuple[Accumulated, list[float], list[str]] | None:
    names, codes = np.unique(part.raw.values[column.name].astype(str), return_inverse=True)
    present = [level for level in column.levels if level in names]
    if len(present) < 2:
        return None
    code = np.array([present.index(str(names[place])) for place in codes.reshape(-1)], dtype=np.int64)
    if column.kind == "categorical":
        others: NDArray[Any] = part.encoded[:, part.subject.by_column.owner != part.subject.by_column.names.index(column.name)].astype(np.float64)
        order = similar_order(code, len(present), others)
        present, code = [present[place] for place in order], np.argsort(order)[code]
    mover = part.mover(column.name, np.array(present, dtype=object))
    found = accumulated_levels(mover, code, len(present), weights=part.design.weights, clusters=part.design.clusters)
    return found, [float(place) for place in range(len(present))], present


def _write(  # noqa: PLR0917  the table, what it is about, what goes into it
    curves: dict[str, list[Any]],
    column: ColumnSchema,
    part: DrawnRows,
    found: Accumulated,
    places: list[float],
    labels: list[str],
) -> None:
    rows, freedom = len(part.raw), freedom_of(len(part.raw), part.design.weights, part.design.clusters)
    for k, response in enumerate(part.responses):
        for at, (place, label) in enumerate(zip(places, labels, strict=True)):
            line = {"column": column.name, "response": response, "place": place, "label": label, "rows": rows, "freedom": freedom}
            line |= {"value": float(found.effect[at, k]), "se": float(found.se[at, k])}
            for name, item in line.items():
                curves.setdefault(name, []).append(item)
