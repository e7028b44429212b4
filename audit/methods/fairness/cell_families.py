"""Intervals that hold together for the shares of many overlapping cells and for their gaps to the rest, from joint bootstrap replicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from audit.methods.statistics.simultaneous import Family, max_t

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
LARGEST_WORK = 10**9
"""Multiplications that the replicates may take, a few seconds."""


@dataclass(frozen=True)
class Units:
    """What is drawn with replacement: rows of `unit` (n,), of `weight` each; `draws` times, each unit with its probability (units,)."""

    unit: Ints
    weight: Floats
    probability: Floats
    draws: int


@dataclass(frozen=True)
class Column:
    """The cells of one grouping for one rate: cell of each row (n,), -1 for none; the rows that are hits; the cells to make intervals of."""

    codes: Ints
    size: int
    hits: Mask
    kept: Ints


@dataclass(frozen=True)
class Families:
    """Intervals of the shares and of the gaps of all kept cells, in the order of the columns."""

    shares: Family
    gaps: Family


def kinds(codes: Sequence[NDArray[np.integer]], sizes: Sequence[int], outcome: NDArray[np.integer]) -> tuple[Ints, Ints]:
    """One row of each kind that occurs (same codes, -1 unknown, and same outcome), and the number of rows of each kind."""
    kind, largest = outcome.astype(np.int64), int(outcome.max(initial=0)) + 1
    for code, size in zip(codes, sizes, strict=True):
        if largest * (size + 1) > np.iinfo(np.int64).max:
            kind, largest = np.unique(kind, return_inverse=True)[1].reshape(-1), len(kind)
        kind, largest = kind * (size + 1) + code + 1, largest * (size + 1)
    _, places, counts = np.unique(kind, return_index=True, return_counts=True)
    return places.astype(np.int64), counts.astype(np.int64)


def too_much_work(*, units: int, entries: int, kept: int, resamples: int) -> bool:
    """Whether replicates of so many units, rows in cells and kept cells would take too long, or too much memory."""
    return resamples * max(2 * entries, 50 * units, 50 * kept) > LARGEST_WORK


def cell_families(units: Units, columns: Sequence[Column], *, generator: np.random.Generator, confidence: float, resamples: int = 1000) -> Families:
    """Max-T intervals over all kept cells; a replicate in which a cell is empty counts as the value farthest from the estimate."""
    drawn = generator.multinomial(units.draws, units.probability, size=resamples).astype(np.float64)
    once = np.asarray(units.draws * units.probability)[None, :]
    values = [_shares_and_gaps(units, column, once) for column in columns]
    replicates = [_shares_and_gaps(units, column, drawn) for column in columns]
    made = []
    for part in (0, 1):
        estimate = np.concatenate([value[part][0] for value in values])
        made.append(max_t(estimate, _filled(np.concatenate([one[part] for one in replicates], axis=1), estimate, part), confidence=confidence))
    return Families(*made)


def _shares_and_gaps(units: Units, column: Column, drawn: Floats) -> tuple[Floats, Floats]:
    """(resamples, kept) each; NaN where a side is empty."""
    held = column.codes >= 0
    place, shape = (units.unit[held], column.codes[held]), (len(units.probability), column.size)
    weight, hits = units.weight[held], column.hits[held]
    base, hit = (drawn @ sparse.coo_matrix((value, place), shape=shape).tocsr() for value in (weight, weight * hits))
    inside, inside_hit = base[:, column.kept], hit[:, column.kept]
    outside, outside_hit = base.sum(axis=1, keepdims=True) - inside, hit.sum(axis=1, keepdims=True) - inside_hit
    shares = np.divide(inside_hit, inside, out=np.full(inside.shape, np.nan), where=inside > 0)
    rest = np.divide(outside_hit, outside, out=np.full(inside.shape, np.nan), where=outside > 0)
    return shares, shares - rest


def _filled(replicates: Floats, estimate: Floats, part: int) -> Floats:
    farthest = np.where(estimate > 0.5, 0.0, 1.0) if part == 0 else np.where(estimate > 0, -1.0, 1.0)
    return np.where(np.isfinite(replicates), replicates, farthest[None, :])
