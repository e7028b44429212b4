"""Isolation forest: how few random cuts set a row apart. Trees are plain arrays, so a forest can be stored, hashed and compared."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Forest:
    """Trees as heaps of equal depth: the children of place i are 2 i + 1 (value at most the threshold) and 2 i + 2."""

    feature: NDArray[np.int32]
    """(trees, places): entry that is cut; -1 at a leaf."""
    threshold: Floats
    """(trees, places): where it is cut; 0 at a leaf."""
    path: Floats
    """(trees, places): at a leaf its depth and the mean path below it had it been cut on; 0 elsewhere."""
    samples: int
    """Rows each tree was grown on."""


def average_path(rows: NDArray[np.integer] | NDArray[np.float64]) -> Floats:
    """Mean path of an unsuccessful search among `rows` rows: 0 for one, 1 for two, 2 (ln(m - 1) + gamma) - 2 (m - 1) / m for m of them."""
    m = np.asarray(rows, dtype=np.float64)
    more = np.maximum(m, 3.0)
    longer = 2.0 * (np.log(more - 1.0) + np.euler_gamma) - 2.0 * (more - 1.0) / more
    mean: Floats = np.where(m <= 1, 0.0, np.where(m == 2, 1.0, longer))
    return mean


def grow_forest(values: Floats, *, trees: int = 200, samples: int = 256, generator: np.random.Generator) -> Forest:
    """A forest on rows of `values` (n, d), each tree on its own draw of at most `samples` rows without replacement.

    A cut takes an entry that varies among the rows at hand, all equally likely, at a place uniform between its ends; growth stops at depth
    ceil(log2(samples)), with one row left, or where nothing varies. Liu, Ting & Zhou 2008, doi:10.1109/ICDM.2008.17. Raises MethodError
    without rows or entries, for values that are not finite, and for settings below 1.
    """
    if values.ndim != 2 or 0 in values.shape or trees < 1 or samples < 1:
        raise MethodError(f"an isolation forest needs rows and entries, trees and samples; found {values.shape}, {trees} and {samples}")
    if not np.isfinite(values).all():
        raise MethodError("an isolation forest needs finite values")
    held = min(samples, len(values))
    depth = math.ceil(math.log2(max(held, 2)))
    grown = [_grow(values[generator.choice(len(values), held, replace=False)], depth, generator) for _ in range(trees)]
    feature, threshold, path = (np.stack(part) for part in zip(*grown, strict=True))
    return Forest(feature, threshold, path, held)


def forest_scores(forest: Forest, values: Floats) -> Floats:
    """2^(-mean path / average_path(samples)) of rows (n, d), in (0, 1), higher for odder rows; one half where trees hold one row.

    NaN for rows with a value that is not finite.
    """
    known = np.isfinite(values).all(axis=1)
    rows, total = values[known], np.zeros(int(known.sum()))
    for feature, threshold, path in zip(forest.feature, forest.threshold, forest.path, strict=True):
        total += path[_leaf(feature, threshold, rows)]
    scale = len(forest.feature) * float(average_path(np.array(forest.samples)))
    scores = np.full(len(values), np.nan)
    scores[known] = np.exp2(-total / scale) if scale > 0 else 0.5
    return scores


def _leaf(feature: NDArray[np.int32], threshold: Floats, rows: Floats) -> NDArray[np.int64]:
    place, inside, every = np.zeros(len(rows), dtype=np.int64), True, np.arange(len(rows))
    while inside:
        cut = feature[place]
        further = 2 * place + 1 + (rows[every, cut] > threshold[place])
        place = np.where(cut >= 0, further, place)
        inside = bool((cut >= 0).any())
    return place


def _grow(rows: Floats, depth: int, generator: np.random.Generator) -> tuple[NDArray[np.int32], Floats, Floats]:
    """One tree, level by level: feature, threshold and path of each place."""
    places = 2 ** (depth + 1) - 1
    feature, threshold, path = np.full(places, -1, dtype=np.int32), np.zeros(places), np.zeros(places)
    place = np.zeros(len(rows), dtype=np.int64)
    for level in range(depth + 1):
        order = np.argsort(place, kind="stable")
        rows, place = rows[order], place[order]
        nodes, starts, owner, counts = np.unique(place, return_index=True, return_inverse=True, return_counts=True)
        low, high = np.minimum.reduceat(rows, starts), np.maximum.reduceat(rows, starts)
        chosen = _choose(high > low, generator)
        cut = (chosen >= 0) & (level < depth)
        path[nodes[~cut]] = level + average_path(counts[~cut])
        if not cut.any():
            break
        feature[nodes[cut]] = chosen[cut]
        threshold[nodes[cut]] = _between(low[cut, chosen[cut]], high[cut, chosen[cut]], generator)
        inside = cut[owner]
        rows, place = rows[inside], place[inside]
        place = 2 * place + 1 + (rows[np.arange(len(rows)), feature[place]] > threshold[place])
    return feature, threshold, path


def _choose(varies: NDArray[np.bool_], generator: np.random.Generator) -> NDArray[np.int64]:
    """One varying entry per node (nodes, d), all equally likely; -1 where none varies."""
    drawn = np.where(varies, generator.random(varies.shape), -1.0)
    return np.where(varies.any(axis=1), np.argmax(drawn, axis=1), -1)


def _between(low: Floats, high: Floats, generator: np.random.Generator) -> Floats:
    """Uniform in [low, high); both sides of the cut keep a row even where rounding reaches `high`."""
    place = low + (high - low) * generator.random(len(low))
    return np.where(place < high, place, low)
