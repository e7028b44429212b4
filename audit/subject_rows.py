"""The first columns of every run: id, label, groups, weight, cluster, time and raw inputs of each row, checked while they are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.data.canonical import canonical_text
from audit.data.dataset import RowBlock
from audit.data.groups import group_codes, label_codes, label_matrix
from audit.data.roles import clusters_of, weights_of
from audit.data.several import text_encoders
from audit.data.tables import check_ids
from audit.errors import DataError
from audit.pieces import joined
from audit.store import Stage
from audit.subject import Subject

BLOCK = 65_536


def write_subject_rows(stage: Stage, subject: Subject) -> None:
    """Write ``rows/subject``; raises DataError for duplicate ids, an unknown label value, a weight that is not positive."""
    ids: list[NDArray[Any]] = []
    clusters: dict[str, int] = {}
    for part, block in enumerate(subject.evaluate.blocks(BLOCK)):
        columns = _columns(subject, block, clusters)
        if "id" in columns:
            ids.append(columns["id"])
        units = {f"input.{c.name}": c.unit for c in subject.facts.schema.columns if c.unit}
        stage.write_rows("subject", part, columns, positions=block.positions, units=units)
    if ids:
        check_ids(np.concatenate(ids))


def _columns(subject: Subject, block: RowBlock, clusters: dict[str, int]) -> dict[str, NDArray[Any]]:
    facts, roles = subject.facts, subject.roles
    columns: dict[str, NDArray[Any]] = {}
    if "id" in roles:
        columns["id"] = _ids(block.values[roles["id"]], roles["id"])
    if "label" in roles:
        columns["label"] = _labels(block.values[roles["label"]], subject)
    if facts.labels:
        columns["labels"] = label_matrix(block, facts.labels)
    if "weight" in roles:
        columns["weight"] = weights_of(block.values[roles["weight"]], roles["weight"])
    if "cluster" in roles:
        columns["cluster"] = clusters_of(block.values[roles["cluster"]], clusters)
    if "time" in roles:
        columns["time"] = _times(block.values[roles["time"]], roles["time"])
    columns |= {f"group.{spec.name}": group_codes(spec, block) for spec in facts.groups}
    return columns | _inputs(subject, block.values)


def _inputs(subject: Subject, values: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Text under a name of its own: it is no value that groups of rows share, so no check may take it for one."""
    kept = [column for column in subject.facts.schema.columns if column.kind not in ("image", "series")]
    held = {f"{'text' if column.kind == 'text' else 'input'}.{column.name}": values[column.name] for column in kept}
    for name, encoder in text_encoders(subject.encoder).items():
        cells = [joined(encoder.pieces(text)) for text in values[encoder.column]]
        held[f"pieces.{name}"] = np.array(cells, dtype=object)
    return held


def _labels(values: NDArray[Any], subject: Subject) -> NDArray[Any]:
    facts = subject.facts
    if facts.task == "regression":
        if values.dtype == object:
            raise DataError(f"label column {facts.label!r} holds text; a regression label is a number")
        labels = values.astype(np.float64)
        if np.isinf(labels).any():
            raise DataError(f"label column {facts.label!r} holds infinite values, first at row {int(np.flatnonzero(np.isinf(labels))[0])}")
        return labels
    return label_codes(values, facts.classes, facts.label or "label")


def _times(values: NDArray[Any], name: str) -> NDArray[np.float64]:
    """Numbers as they are, dates as seconds since 1970 in UTC; NaN where missing."""
    if values.dtype != object:
        return values.astype(np.float64)
    try:
        read = pd.to_datetime(pd.Series(values), format="ISO8601", utc=True)
    except ValueError as error:
        raise DataError(f"time column {name!r} holds neither numbers nor ISO 8601 dates such as 2026-05-01: {error}") from None
    return np.asarray((read - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1), dtype=np.float64)


def _ids(values: NDArray[Any], name: str) -> NDArray[Any]:
    missing = pd.isna(values)
    if missing.any():
        raise DataError(f"id column {name!r}: {int(missing.sum())} values are missing; every row needs an id")
    return values if values.dtype == object else np.array([canonical_text(value) for value in values], dtype=object)
