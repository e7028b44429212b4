"""Distance of feature vectors to their k-th nearest neighbour in a bank, on the unit sphere. Exact: no index, no approximation."""

from __future__ import annotations

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


def neighbour_distance(features: Floats, bank: Floats, *, k: int) -> Floats:
    """Euclidean distance (n,) of each row of `features` (n, d) to its k-th nearest row of `bank` (b, d), equal rows counted each.

    Rows of unit length give Sun et al. 2022, arXiv:2204.06507. NaN for rows with an entry that is not finite; raises MethodError for k
    outside 1..b or other widths.
    """
    if not 1 <= k <= len(bank):
        raise MethodError(f"k is {k}; expected 1 to the {len(bank)} rows of the bank")
    if features.ndim != 2 or features.shape[1] != bank.shape[1]:
        raise MethodError(f"features have shape {features.shape}, the bank {bank.shape}; expected the same width")
    found = np.full(len(features), np.nan)
    known = np.flatnonzero(np.isfinite(features).all(axis=1))
    squares, step = np.square(bank).sum(axis=1), max(1, CHUNK // len(bank))
    for start in range(0, len(known), step):
        part = known[start : start + step]
        found[part] = _chunk(features[part], bank, squares, k)
    return found


def _chunk(features: Floats, bank: Floats, squares: Floats, k: int) -> Floats:
    """Neighbours are chosen by inner products; their distances are then taken directly, since products lose small ones to rounding."""
    order = squares - 2 * (features @ bank.T)
    nearest = np.argpartition(order, k - 1, axis=1)[:, :k]
    best = np.zeros(len(features))
    for column in nearest.T:
        np.maximum(best, np.square(features - bank[column]).sum(axis=1), out=best)
    distance: Floats = np.sqrt(best)
    return distance
