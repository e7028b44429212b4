"""One share per group in one pass over the rows: exact counts without weights and clusters, effective counts with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from audit.methods.statistics.proportions import Share

Codes = NDArray[np.integer]
Mask = NDArray[np.bool_]


def group_shares(
    selected: Mask,
    codes: Codes,
    size: int,
    *,
    base: Mask | None = None,
    weights: NDArray[np.float64] | None = None,
    clusters: NDArray[np.int64] | None = None,
) -> list[Share]:
    """The share of `selected` rows (n,) in each of `size` groups; negative codes belong to none.

    `base` keeps only the rows of a denominator (positives for a true positive rate). Weights that are all equal count as none. Weighted
    shares keep the weighted proportion and rest on n = p (1 - p) / variance with the linearised variance over rows or clusters, never more
    than Kish's effective n; where p is 0 or 1 on Kish's n or the number of clusters, whichever is smaller. With clusters the effective n
    is also cut for a variance that few clusters tell (Korn & Graubard 1998, Survey Methodology 24:193-201), see `few_clusters`; big
    clusters leave fewer degrees of freedom than their number says.
    """
    keep = (codes >= 0) if base is None else (codes >= 0) & base
    code, chosen = codes[keep].astype(np.int64), selected[keep].astype(np.float64)
    rows = np.bincount(code, minlength=size)
    if clusters is None and (weights is None or len(weights) == 0 or (weights == weights[0]).all()):
        hits = np.bincount(code, weights=chosen, minlength=size)
        return [Share(float(s), float(n), int(n)) for s, n in zip(hits, rows, strict=True)]
    weight = np.ones(len(code)) if weights is None else weights[keep]
    return _effective(code, chosen, weight, None if clusters is None else clusters[keep], rows)


def one_share(
    selected: Mask, *, base: Mask | None = None, weights: NDArray[np.float64] | None = None, clusters: NDArray[np.int64] | None = None
) -> Share:
    """The share of `selected` rows among all rows, or among those in `base`."""
    return group_shares(selected, np.zeros(len(selected), dtype=np.int64), 1, base=base, weights=weights, clusters=clusters)[0]


def few_clusters(rows: NDArray[np.float64], clusters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Factor of an effective n whose variance is known from few clusters: (t quantile for rows / t quantile for clusters)^2 at 95 %, at most 1.

    `rows` and `clusters` are numbers of equal ones, (groups,); their degrees of freedom are one less.
    """
    freedom = [np.maximum(np.asarray(units, dtype=np.float64) - 1, 1.0) for units in (rows, np.minimum(clusters, rows))]
    return np.asarray((stdtrit(freedom[0], 0.975) / stdtrit(freedom[1], 0.975)) ** 2)


def _effective(
    code: NDArray[np.int64], chosen: NDArray[np.float64], weight: NDArray[np.float64], cluster: NDArray[np.int64] | None, rows: NDArray[np.int64]
) -> list[Share]:
    size = len(rows)
    total, square = np.bincount(code, weights=weight, minlength=size), np.bincount(code, weights=weight**2, minlength=size)
    hits = np.bincount(code, weights=weight * chosen, minlength=size)
    rate = hits / np.where(total > 0, total, 1)
    part = weight * (chosen - rate[code])
    owner = code
    if cluster is not None:
        owner, part = _by_cluster(code, cluster, part)
    units = np.bincount(owner, minlength=size)
    variance = np.bincount(owner, weights=part**2, minlength=size) / np.where(total > 0, total, 1) ** 2 * units / np.maximum(units - 1, 1)
    kish = total**2 / np.where(square > 0, square, 1)
    cap = np.minimum(kish, units)
    n = np.where(variance > 1e-15, np.minimum(cap if cluster is None else kish, rate * (1 - rate) / np.where(variance > 1e-15, variance, 1)), cap)
    if cluster is not None:
        n = np.where(variance > 1e-15, n * few_clusters(kish, _equal_clusters(code, cluster, weight, size)), n)
    return [Share(float(r * m), float(m), int(k)) for r, m, k in zip(rate, n, rows, strict=True)]


def _equal_clusters(code: NDArray[np.int64], cluster: NDArray[np.int64], weight: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """How many clusters of equal weight would be as good as those of each group (Kish)."""
    owner, mass = _by_cluster(code, cluster, weight)
    total, square = np.bincount(owner, weights=mass, minlength=size), np.bincount(owner, weights=mass**2, minlength=size)
    return np.asarray(total**2 / np.where(square > 0, square, 1))


def _by_cluster(code: NDArray[np.int64], cluster: NDArray[np.int64], part: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    names, place = np.unique(cluster, return_inverse=True)
    # One whole number for each pair of group and cluster: rows of arrays sort far more slowly than numbers.
    pairs, inverse = np.unique(code * len(names) + place.reshape(-1), return_inverse=True)
    return pairs // max(len(names), 1), np.bincount(inverse.reshape(-1), weights=part, minlength=len(pairs)).astype(np.float64)
