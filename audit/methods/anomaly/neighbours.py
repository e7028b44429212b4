"""Distance of feature vectors to their k-th nearest neighbour in a bank, on the unit sphere. Exact: no index, no approximation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError

Floats = NDArray[np.float64]
CHUNK = 4_000_000
"""Entries of the table of products that are held at a time (32 MB)."""


def unit_rows(features: Floats) -> Floats:
    """Features (n, d) with each row scaled to length 1; a row of zeros stays zero."""
    # Scaling by the largest entry first keeps squares of very large and very small entries finite.
    largest = np.abs(features).max(axis=1, keepdims=True, initial=0.0)
    scaled = features / np.where(largest > 0, largest, 1.0)
    length = np.sqrt(np.square(scaled).sum(axis=1, keepdims=True))
    unit: Floats = scaled / np.where(length > 0, length, 1.0)
    return unit


def neighbour_count(bank: int, *, neighbours: int = 50) -> int:
    """`neighbours`, but at most one row in a hundred of the bank and at least one."""
    if bank < 1 or neighbours < 1:
        raise MethodError(f"nearest neighbours need a row in the bank and neighbours of at least 1; found {bank} and {neighbours}")
    return max(1, min(neighbours, bank // 100))


@dataclass(frozen=True)
class Neighbours:
    """Where rows lie among those of a bank."""

    distance: Floats
    """Euclidean distance (n,) to the k-th nearest row of the bank; NaN for rows with an entry that is not finite."""
    nearest: NDArray[np.int64]
    """Positions in the bank of the nearest rows (n, few), nearest first, the first in the bank of equal ones; -1 where unknown."""
    nearest_distance: Floats
    """Their distances (n, few); NaN where unknown."""


def neighbour_distance(features: Floats, bank: Floats, *, k: int) -> Floats:
    """Distance (n,) to the k-th nearest row of the bank; see `neighbours_of`."""
    return neighbours_of(features, bank, k=k, few=1).distance


def neighbours_of(features: Floats, bank: Floats, *, k: int, few: int) -> Neighbours:
    """Each row of `features` (n, d) among the rows of `bank` (b, d): distance to its k-th nearest, equal rows counted each, and the `few` nearest.

    Rows of unit length give Sun et al. 2022, arXiv:2204.06507. Raises MethodError for k or few outside 1..b or other widths.
    """
    for name, value in (("k", k), ("few", few)):
        if not 1 <= value <= len(bank):
            raise MethodError(f"{name} is {value}; expected 1 to the {len(bank)} rows of the bank")
    if features.ndim != 2 or features.shape[1] != bank.shape[1]:
        raise MethodError(f"features have shape {features.shape}, the bank {bank.shape}; expected the same width")
    n = len(features)
    found = Neighbours(np.full(n, np.nan), np.full((n, few), -1, dtype=np.int64), np.full((n, few), np.nan))
    known = np.flatnonzero(np.isfinite(features).all(axis=1))
    squares, step = np.square(bank).sum(axis=1), max(1, CHUNK // len(bank))
    for start in range(0, len(known), step):
        part = known[start : start + step]
        nearest, distance = _chunk(features[part], bank, squares, max(k, few))
        found.distance[part] = distance[:, k - 1]
        found.nearest[part], found.nearest_distance[part] = nearest[:, :few], distance[:, :few]
    return found


def _chunk(features: Floats, bank: Floats, squares: Floats, count: int) -> tuple[NDArray[np.int64], Floats]:
    """The `count` nearest, sorted: chosen by inner products, their distances then taken directly, since products lose small ones to rounding."""
    order = squares - 2 * (features @ bank.T)
    nearest = np.sort(np.argpartition(order, count - 1, axis=1)[:, :count], axis=1)
    distance = np.empty(nearest.shape)
    for place, column in enumerate(nearest.T):
        distance[:, place] = np.sqrt(np.square(features - bank[column]).sum(axis=1))
    sorted_places = np.argsort(distance, axis=1, kind="stable")
    return np.take_along_axis(nearest, sorted_places, axis=1), np.take_along_axis(distance, sorted_places, axis=1)
