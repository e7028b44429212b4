"""Mantel-Haenszel's odds ratio and risk difference for rows that belong to clusters: the same sums, with linearised variances."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from audit.methods.fairness.mantel_haenszel import Association, Strata, too_sparse
from audit.methods.statistics.bootstrap import FEWEST_CLUSTERS
from audit.methods.statistics.influence import equal_clusters, influence_interval
from audit.methods.statistics.intervals import Estimate, Interval, Undefined

Array = NDArray[np.float64]


def clustered_mantel_haenszel(
    hits: NDArray[np.bool_],
    grouped: NDArray[np.bool_],
    strata: NDArray[np.int64],
    *,
    clusters: NDArray[np.int64],
    weights: Array | None = None,
    confidence: float = 0.95,
) -> Association:
    """The same estimates for the rows (n,) of a group (`grouped`) and its reference that belong to clusters, which may cross strata and sides.

    Intervals and the test of no association rest on variances linearised over clusters (Binder 1983, doi:10.2307/1402588), the odds ratio
    on its logarithm, the test on the score sum of (grouped - its share) · (hit - its share) within strata. Undefined with fewer than 20
    clusters in strata with both sides, or where Mantel and Fleiss' rule, with its rows divided by the design effect, finds too little room.
    There is no test of equal odds ratios.
    """
    rows = _Rows(hits, grouped, strata, np.ones(len(hits)) if weights is None else weights, clusters)
    n = int(min(rows.grouped.sum(), (~rows.grouped).sum()))
    reason = "The test of equal odds ratios needs independent rows, and these belong to clusters."
    units = int(rows.clusters.max(initial=-1)) + 1
    if units < FEWEST_CLUSTERS:
        gone = Undefined(f"Strata with rows of both groups hold {units} clusters; at least {FEWEST_CLUSTERS} are needed.", n)
        return Association(gone, gone, gone, Undefined(reason, n), len(rows.kept))
    score = rows.score()
    single, whole = (
        float(np.sum(score**2)),
        float(np.sum(np.bincount(np.unique(rows.clusters, return_inverse=True)[1].reshape(-1), weights=score) ** 2)),
    )
    sparse = too_sparse(rows.table(n), max(1.0, whole / single) if single > 0 else 1.0)
    odds, difference = rows.odds_ratio(n, confidence), rows.risk_difference(n, confidence)
    return Association(sparse or odds, sparse or difference, sparse or rows.no_association(score, n), Undefined(reason, n), len(rows.kept))


class _Rows:
    """Rows in strata with both sides; weighted two-by-two tables of the strata, and how each row moves sums over them."""

    def __init__(
        self, hits: NDArray[np.bool_], grouped: NDArray[np.bool_], strata: NDArray[np.int64], weights: Array, clusters: NDArray[np.int64]
    ) -> None:
        size = int(strata.max(initial=-1)) + 1
        sides = [np.bincount(strata[side], weights=weights[side], minlength=size) for side in (grouped, ~grouped)]
        self.kept = np.flatnonzero((sides[0] > 0) & (sides[1] > 0))
        used = np.isin(strata, self.kept)
        self.hits, self.grouped, self.weights = hits[used], grouped[used], weights[used]
        self.clusters = np.unique(clusters[used], return_inverse=True)[1].reshape(-1)
        self.strata = np.searchsorted(self.kept, strata[used])
        cell = (self.strata * 2 + self.grouped) * 2 + self.hits
        shape = (len(self.kept), 2, 2)
        self.counts, self.sums = (
            np.bincount(cell, weights=by, minlength=4 * len(self.kept)).astype(np.float64).reshape(shape) for by in (None, self.weights)
        )
        self.n = self.sums.sum(axis=(1, 2))
        # One number for each row: whether it is of the group or not, hit or not.
        self.a, self.b, self.c, self.d = (
            (self.grouped == side) & (self.hits == hit) for side, hit in ((True, True), (True, False), (False, True), (False, False))
        )

    def table(self, rows: int) -> Strata:
        """Plain rows."""
        return Strata(self.counts[:, 1, 1], self.counts[:, 1].sum(axis=1), self.counts[:, 0, 1], self.counts[:, 0].sum(axis=1), rows)

    def odds_ratio(self, n: int, confidence: float) -> Estimate:
        a, b, c, d = self.sums[:, 1, 1], self.sums[:, 1, 0], self.sums[:, 0, 1], self.sums[:, 0, 0]
        over, under = self._products(a, d, self.a, self.d), self._products(b, c, self.b, self.c)
        if min(over[0], under[0]) <= 0:
            text = "The common odds ratio is 0, infinite or 0 / 0: one side has no hits, or only hits, wherever the other differs."
            return Undefined(text, n)
        held = self._interval(float(np.log(over[0] / under[0])), over[1] / over[0] - under[1] / under[0], confidence)
        if isinstance(held, Undefined):
            return held
        text = f"Mantel-Haenszel common odds ratio over {len(self.n)} strata, {held.method} of its logarithm"
        return Interval(math.exp(held.value), math.exp(held.low), math.exp(held.high), n, text)

    def risk_difference(self, n: int, confidence: float) -> Estimate:
        a, c = self.sums[:, 1, 1], self.sums[:, 0, 1]
        one, two = self.sums[:, 1].sum(axis=1), self.sums[:, 0].sum(axis=1)
        parts = self._products(a, two, self.a, ~self.grouped), self._products(c, one, self.c, self.grouped)
        base = self._products(one, two, self.grouped, ~self.grouped)
        value = float((parts[0][0] - parts[1][0]) / base[0])
        held = self._interval(value, (parts[0][1] - parts[1][1] - value * base[1]) / base[0], confidence)
        if isinstance(held, Undefined):
            return held
        text = f"Mantel-Haenszel risk difference over {len(self.n)} strata, {held.method}"
        return Interval(value, max(held.low, -1.0), min(held.high, 1.0), n, text)

    def score(self) -> Array:
        """Each row's part, (n,), of the sum over strata of hits of the group less those expected."""
        group, hit = self.sums[:, 1].sum(axis=1) / self.n, self.sums[:, :, 1].sum(axis=1) / self.n
        return np.asarray(self.weights * (self.grouped - group[self.strata]) * (self.hits - hit[self.strata]))

    def no_association(self, score: Array, n: int) -> float | Undefined:
        sums = self.by_cluster(score)
        error = float(np.sqrt(len(sums) / (len(sums) - 1) * np.sum((sums - sums.mean()) ** 2)))
        if error <= 1e-12:
            return Undefined("Within each stratum everybody has the same outcome.", n)
        return float(2 * stdtr(max(equal_clusters(self.clusters, self.weights) - 1, 1), -abs(float(sums.sum())) / error))

    def by_cluster(self, parts: Array) -> Array:
        """Sums of `parts` (n,) within clusters."""
        return np.bincount(self.clusters, weights=parts).astype(np.float64)

    def _products(self, first: Array, second: Array, in_first: NDArray[np.bool_], in_second: NDArray[np.bool_]) -> tuple[float, Array]:
        """Sum over strata of first · second / n, and its derivative by the weight of each row, (n,)."""
        s = self.strata
        moved = (in_first * second[s] + in_second * first[s]) / self.n[s] - (first * second / self.n**2)[s]
        return float((first * second / self.n).sum()), np.asarray(moved)

    def _interval(self, value: float, moved: Array, confidence: float) -> Estimate:
        return influence_interval(value, moved * self.weights.sum(), weights=self.weights, clusters=self.clusters, confidence=confidence)
