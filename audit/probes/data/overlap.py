"""The probe `data.overlap`: looks every evaluation row up among the hashed rows of the reference data."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.data.dataset import RowBlock
from audit.probe import Block, Column, Columns, Prepared, probe
from audit.subject import Subject

Hashes = NDArray[np.uint64]
READ = 65_536
"""Rows of the reference data read at a time."""
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
SHIFT = np.uint64(29)


@dataclass(frozen=True)
class Seen:
    """Sorted, unique 64-bit hashes of the reference rows: of their inputs, and of inputs and label."""

    inputs: Hashes
    rows: Hashes


@probe(
    columns={
        "inputs_seen": Column("Whether the reference data has a row with exactly these inputs.", "0 or 1"),
        "row_seen": Column("Whether the reference data has a row with exactly these inputs and this label.", "0 or 1"),
    },
    needs={"reference", "inputs"},
)
def overlap(block: Block, state: Any) -> Columns:
    """Tells for each evaluation row whether the reference data holds it too."""
    inputs, rows = _hashes(block.subject, block.rows)
    return {"inputs_seen": _found(inputs, state.inputs), "row_seen": _found(rows, state.rows)}


@overlap.prepare
def prepare(subject: Subject) -> Prepared:
    """Hash the reference data, block by block; 16 bytes per different row are kept."""
    assert subject.reference is not None  # noqa: S101  the need "reference" is declared
    inputs: list[Hashes] = []
    rows: list[Hashes] = []
    for block in subject.reference.blocks(READ):
        of_inputs, of_rows = _hashes(subject, block)
        inputs.append(np.unique(of_inputs))
        rows.append(np.unique(of_rows))
    empty = np.empty(0, dtype=np.uint64)
    return Prepared(state=Seen(np.unique(np.concatenate([empty, *inputs])), np.unique(np.concatenate([empty, *rows]))))


def _hashes(subject: Subject, rows: RowBlock) -> tuple[Hashes, Hashes]:
    inputs = hash_columns([rows.values[name] for name in subject.facts.schema.names], len(rows))
    label = subject.roles.get("label")
    wanted = [label] if label is not None else list(subject.facts.labels)
    found = inputs
    for name in wanted if all(name in rows.values for name in wanted) else []:
        found = _mix(found, _hash(rows.values[name]))
    return inputs, found


def hash_columns(columns: Sequence[NDArray[Any]], n: int) -> Hashes:
    """One 64-bit hash per row of columns of equal length; missing values are equal to each other, and -0.0 to 0.0."""
    combined = np.zeros(n, dtype=np.uint64)
    for column in columns:
        combined = _mix(combined, _hash(column))
    return combined


def _mix(combined: Hashes, further: Hashes) -> Hashes:
    """Order matters: a value moved to another column gives another hash."""
    mixed: Hashes = (combined ^ further) * MULTIPLIER
    return mixed ^ (mixed >> SHIFT)


def _hash(column: NDArray[Any]) -> Hashes:
    if column.ndim > 1:
        return np.array([_digest(np.ascontiguousarray(row)) for row in column], dtype=np.uint64)
    if column.dtype.kind in "fiub":
        numbers = column.astype(np.float64) + 0.0
        return pd.util.hash_array(np.where(np.isnan(numbers), np.nan, numbers))
    return pd.util.hash_array(np.array(["\0" if value is None else f"={value}" for value in column], dtype=object), categorize=True)


def _digest(row: NDArray[Any]) -> int:
    return int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=8).digest(), "little")


def _found(hashes: Hashes, known: Hashes) -> NDArray[np.int8]:
    if len(known) == 0:
        return np.zeros(len(hashes), dtype=np.int8)
    where = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    found: NDArray[np.int8] = (known[where] == hashes).astype(np.int8)
    return found
