"""Shares of many cells, each against everybody else with known membership in the same attributes, in arrays over the cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from audit.methods.statistics.group_shares import few_clusters
from audit.methods.statistics.proportions import FEWEST_EXPECTED, FEWEST_FOR_APPROXIMATION, Share

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Cells:
    """Hits of a total in each cell and in the rest of its grouping, (m,) each; effective numbers for weighted or clustered rows."""

    hits: Floats
    total: Floats
    rows: Ints
    rest_hits: Floats
    rest_total: Floats
    rest_rows: Ints

    def share(self, i: int) -> Share:
        """The share of one cell."""
        return Share(float(self.hits[i]), float(self.total[i]), int(self.rows[i]))

    def rest(self, i: int) -> Share:
        """The share of the rest."""
        return Share(float(self.rest_hits[i]), float(self.rest_total[i]), int(self.rest_rows[i]))

    @property
    def gaps(self) -> Floats:
        """Share of the cell less that of the rest, (m,); 0 where either is empty."""
        return _ratio(self.hits, self.total) - _ratio(self.rest_hits, self.rest_total)

    @property
    def standardised(self) -> Floats:
        """Gap over its standard error under equality, (m,); 0 where that is 0."""
        pooled = _ratio(self.hits + self.rest_hits, self.total + self.rest_total)
        variance = pooled * (1 - pooled) * (_ratio(1.0, self.total) + _ratio(1.0, self.rest_total))
        return _ratio(self.gaps, np.sqrt(np.maximum(variance, 0.0)))

    @property
    def regular(self) -> Mask:
        """Cells of at least 30 rows with at least 5 hits and 5 misses on both sides, where a bootstrap and a normal test hold, (m,)."""
        fewest = np.minimum(
            np.minimum(self.hits, self.total - self.hits),
            np.minimum(self.rest_hits, self.rest_total - self.rest_hits),
        )
        return (fewest >= FEWEST_EXPECTED) & (np.minimum(self.total, self.rest_total) >= FEWEST_FOR_APPROXIMATION)

    def of(self, kept: NDArray[np.bool_] | Ints) -> Cells:
        """Some of the cells, by mask or positions."""
        inside, outside = (self.hits[kept], self.total[kept], self.rows[kept]), (self.rest_hits[kept], self.rest_total[kept], self.rest_rows[kept])
        return Cells(*inside, *outside)


@dataclass(frozen=True)
class _Whole:
    """Base and hits of each unit over all cells, (units,)."""

    base: Floats
    hit: Floats


@dataclass(frozen=True)
class _Sums:
    """Sums over units of base, hits, their squares and product, (m,) each."""

    base: Floats
    hit: Floats
    base_squared: Floats
    hit_squared: Floats
    product: Floats


def joined(parts: Sequence[Cells]) -> Cells:
    """Cells of several groupings or rates one after the other; at least one part."""
    names = ("hits", "total", "rows", "rest_hits", "rest_total", "rest_rows")
    return Cells(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def counted_cells(hits: Ints, rows: Ints) -> Cells:
    """Exact counts (m,) of the cells of one grouping."""
    rest_hits, rest_rows = hits.sum() - hits, rows.sum() - rows
    return Cells(hits.astype(np.float64), rows.astype(np.float64), rows, rest_hits.astype(np.float64), rest_rows.astype(np.float64), rest_rows)


def drawn_cells(codes: Ints, size: int, hits: Mask, *, weights: Floats | None, clusters: Ints | None) -> Cells:
    """Effective shares of weighted or clustered rows (n,) by cell code, all known; on n = p (1 - p) / linearised variance, at most Kish's n.

    A cluster may lie partly inside a cell and partly in the rest. Where p is 0 or 1 n is Kish's, or the number of clusters if smaller.
    """
    n = len(codes)
    weight = np.ones(n) if weights is None else weights
    unit = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1].reshape(-1)
    units = int(unit.max()) + 1 if n else 0
    rows = np.bincount(codes, minlength=size).astype(np.int64)
    squares = np.bincount(codes, weights=weight**2, minlength=size).astype(np.float64)
    base, hit = (sparse.coo_matrix((value, (unit, codes)), shape=(units, size)).tocsr() for value in (weight, weight * hits))
    whole = _Whole(_per_unit(unit, weight, units), _per_unit(unit, weight * hits, units))
    inside = _Sums(_sum(base), _sum(hit), _products(base, base), _products(hit, hit), _products(base, hit))
    rest_rows = rows.sum() - rows
    own = _effective(inside, squares, _units(base))
    other = _effective(_rest(base, hit, inside, whole), squares.sum() - squares, units - _filled(base, whole, clusters is None))
    return Cells(*own, rows, *other, rest_rows)


def two_sided_p(cells: Cells) -> Floats:
    """p values (m,) that each cell's share equals the rest's: pooled z where `regular`, else exact for counts (twice the smaller tail)."""
    p_values = 2 * special.ndtr(-np.abs(cells.standardised))
    exact = (cells.total == cells.rows) & (cells.rest_total == cells.rest_rows) & ~cells.regular
    lower, upper = tails(cells.of(exact))
    p_values[exact] = np.minimum(1.0, 2 * np.minimum(lower, upper))
    return np.asarray(p_values)


def tails(cells: Cells) -> tuple[Floats, Floats]:
    """P(X <= hits) and P(X >= hits) of the hypergeometric number of hits in each cell given both margins, (m,) each; for exact counts."""
    from scipy.stats import hypergeom  # noqa: PLC0415  takes half a second to load

    rows, successes = cells.rows + cells.rest_rows, np.rint(cells.hits + cells.rest_hits).astype(np.int64)
    hits = np.rint(cells.hits).astype(np.int64)
    law = hypergeom(rows, successes, cells.rows)
    return np.asarray(law.cdf(hits), dtype=np.float64), np.asarray(law.sf(hits - 1), dtype=np.float64)


def exact_difference(share: Share, rest: Share, *, confidence: float) -> tuple[float, float]:
    """Ends of the difference of two shares that hold with at least `confidence`: Clopper-Pearson ends, each side at half the error."""
    tail = (1 - confidence) / 4
    (low, high), (rest_low, rest_high) = (_clopper_pearson(one.successes, one.total, tail) for one in (share, rest))
    return low - rest_high, high - rest_low


def _clopper_pearson(hits: float, total: float, tail: float) -> tuple[float, float]:
    low = float(special.betaincinv(hits, total - hits + 1, tail)) if hits > 0 else 0.0
    return low, float(special.betaincinv(hits + 1, total - hits, 1 - tail)) if hits < total else 1.0


def _ratio(over: Floats | float, under: Floats) -> Floats:
    return np.divide(over, under, out=np.zeros(len(under)), where=under > 0)


def _sum(matrix: sparse.csr_matrix) -> Floats:
    return np.asarray(matrix.sum(axis=0), dtype=np.float64).reshape(-1)


def _products(one: sparse.csr_matrix, other: sparse.csr_matrix) -> Floats:
    return _sum(one.multiply(other))


def _per_unit(unit: Ints, values: Floats, units: int) -> Floats:
    return np.bincount(unit, weights=values, minlength=units).astype(np.float64)


def _units(base: sparse.csr_matrix) -> Floats:
    return np.bincount(base.tocoo().col, minlength=base.shape[1]).astype(np.float64)


def _filled(base: sparse.csr_matrix, whole: _Whole, one_row_each: bool) -> Floats:
    """Units that lie wholly inside each cell."""
    if one_row_each:
        return _units(base)
    held = base.tocoo()
    inside = np.isclose(held.data, whole.base[held.row])
    return np.bincount(held.col[inside], minlength=base.shape[1]).astype(np.float64)


def _rest(base: sparse.csr_matrix, hit: sparse.csr_matrix, inside: _Sums, whole: _Whole) -> _Sums:
    """The sums of what each unit has outside each cell: (W - c)^2 = W^2 - 2 W c + c^2, unit by unit."""
    return _Sums(
        whole.base.sum() - inside.base,
        whole.hit.sum() - inside.hit,
        (whole.base**2).sum() - 2 * (base.T @ whole.base) + inside.base_squared,
        (whole.hit**2).sum() - 2 * (hit.T @ whole.hit) + inside.hit_squared,
        (whole.base * whole.hit).sum() - base.T @ whole.hit - hit.T @ whole.base + inside.product,
    )


def _effective(sums: _Sums, kept: Floats, units: Floats) -> tuple[Floats, Floats]:
    """Effective hits and total; `kept` is the sum of squared weights, `units` the number of independent units."""
    rate = np.clip(_ratio(sums.hit, sums.base), 0.0, 1.0)
    residual = np.maximum(sums.hit_squared - 2 * rate * sums.product + rate**2 * sums.base_squared, 0.0)
    variance = _ratio(residual, sums.base**2) * units / np.maximum(units - 1, 1)
    kish = _ratio(sums.base**2, kept)
    moving = variance > 1e-15
    known = few_clusters(kish, _ratio(sums.base**2, sums.base_squared))
    n = np.where(moving, known * np.minimum(kish, rate * (1 - rate) / np.where(moving, variance, 1)), np.minimum(kish, units))
    return rate * n, n
