"""Whether people with nearly the same inputs are decided alike: agreement with the nearest other rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
QUERIES = 256
CHUNK = 8192
"""Rows held against each other at a time."""


@dataclass(frozen=True)
class _Space:
    """All rows, with what is needed to hold some of them against all."""

    points: Floats
    """(n, d)."""
    norms: Floats
    """Squared lengths, (n,)."""
    others: Floats
    """[-2 point, 1, squared length], (n, d + 2): its product with [point, squared length, 1] is the squared distance."""
    decisions: Ints
    clusters: Ints | None

    def distances(self, queries: Ints) -> Iterator[tuple[slice, Floats]]:
        """Squared distances (queries, rows) chunk by chunk; infinite to the row itself and to rows of its cluster."""
        asked = np.concatenate([self.points[queries], self.norms[queries][:, None], np.ones((len(queries), 1))], axis=1)
        for start in range(0, len(self.points), CHUNK):
            part = slice(start, min(start + CHUNK, len(self.points)))
            found = asked @ self.others[part].T
            own = np.flatnonzero((queries >= part.start) & (queries < part.stop))
            found[own, queries[own] - start] = np.inf
            if self.clusters is not None:
                found[self.clusters[queries][:, None] == self.clusters[part][None, :]] = np.inf
            yield part, found


def neighbour_agreement(points: Floats, decisions: Ints, queries: Ints, *, k: int, clusters: Ints | None = None) -> Floats:
    """Share of the `k` nearest other rows decided like each row of `queries`, (queries,) in [0, 1]; NaN where there are fewer than k others.

    Its mean is the consistency 1 - mean |d - mean of d over the k nearest| of Zemel et al. 2013 for two classes, but for one thing: the row
    itself is no neighbour of its own. Neither are rows of its cluster. Rows as far away as the k-th nearest share the places that are left, so
    that the answer does not depend on the order of the rows.
    """
    norms = np.sum(points**2, axis=1)
    others = np.concatenate([-2 * points, np.ones((len(points), 1)), norms[:, None]], axis=1)
    space = _Space(points, norms, others, decisions, clusters)
    parts = [_agreement(space, queries[start : start + QUERIES], k) for start in range(0, len(queries), QUERIES)]
    return np.concatenate([np.zeros(0), *parts])


def _agreement(space: _Space, queries: Ints, k: int) -> Floats:
    radius = _radius(space, queries, k)
    rounding = 1e-12 * (1 + space.norms[queries] + space.norms.max(initial=0.0))
    known = np.isfinite(radius)
    counts = np.zeros((4, len(queries)))
    for part, found in space.distances(queries):
        asked, other = np.nonzero(found <= np.where(known, radius + rounding, -1.0)[:, None])
        near = found[asked, other] < (radius - rounding)[asked]
        same = space.decisions[queries[asked]] == space.decisions[part][other]
        counts += [np.bincount(asked[mask], minlength=len(queries)) for mask in (near, near & same, ~near, ~near & same)]
    inside, alike, tied, tied_alike = counts
    places = np.where(known, k - inside, 0.0)
    share = (alike + places * tied_alike / np.maximum(tied, 1)) / k
    return np.where(known, share, np.nan)


def _radius(space: _Space, queries: Ints, k: int) -> Floats:
    """Squared distance of the k-th nearest other row, infinite where there are fewer."""
    best = np.full((len(queries), k), np.inf)
    for _, found in space.distances(queries):
        closer = found.min(axis=1) < best[:, -1]
        if closer.any():
            best[closer] = np.partition(np.concatenate([best[closer], found[closer]], axis=1), k - 1, axis=1)[:, :k]
    return best[:, -1]
