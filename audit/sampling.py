"""Which rows an expensive probe measures: a seeded sample stratified by group and decision, with its inclusion probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.rows import Rows

FLOOR = 10
"""Rows wanted of every stratum, as far as it has them and the budget reaches."""


@dataclass(frozen=True)
class Sample:
    """Ascending positions (m,) and the probability (m,) with which each was drawn."""

    positions: NDArray[np.int64]
    inclusion: NDArray[np.float64]


def draw(rows: Rows, size: int | None, *, purpose: str) -> Sample:
    """At most about `size` rows, proportional over strata of (groups, decision) with a floor for small strata; all rows for None.

    Of several labels the decision is whether any was given. Rows whose output is not finite are a stratum of their own.
    """
    if size is None or size >= rows.n:
        return Sample(rows.positions, np.ones(rows.n))
    strata = _strata(rows)
    counts = np.bincount(strata)
    wanted = allocate(counts, size)
    order = np.lexsort((rows.generator(f"sample {purpose}").random(rows.n), strata))
    rank = np.empty(rows.n, dtype=np.int64)
    rank[order] = np.arange(rows.n) - np.repeat(np.cumsum(counts) - counts, counts)
    chosen = rank < wanted[strata]
    return Sample(rows.positions[chosen], (wanted / np.maximum(counts, 1))[strata][chosen])


def allocate(counts: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Rows to take of each stratum: a floor of `FLOOR` (less when there are many strata), the rest in proportion, never more than it has."""
    floor = min(FLOOR, max(1, size // (2 * max(1, int((counts > 0).sum())))))
    base = np.minimum(counts, floor)
    room = counts - base
    left = min(max(0, size - int(base.sum())), int(room.sum()))
    share = np.floor(room * (left / room.sum())).astype(np.int64) if room.sum() else np.zeros_like(room)
    remainder = min(left - int(share.sum()), int((room - share).sum()))
    if remainder > 0:
        fraction = np.where(room > share, room * (left / room.sum()) - share, -1.0)
        share[np.argsort(-fraction, kind="stable")[:remainder]] += 1
    return np.asarray(base + share, dtype=np.int64)


def _strata(rows: Rows) -> NDArray[np.int64]:
    names = [f"subject.group.{spec.name}" for spec in rows.facts.groups]
    names += ["outputs.decision"] if rows.has("outputs.decision") else []
    columns = [rows.column(name).astype(np.int64) for name in names]
    if rows.has("outputs.decisions"):
        columns.append(np.sign(rows.decision_matrix.max(axis=1)).astype(np.int64))
    if not columns:
        return np.zeros(rows.n, dtype=np.int64)
    keys = np.stack(columns, axis=1)
    return np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
