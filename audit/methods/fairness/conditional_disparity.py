"""Conditional demographic disparity: is a group over-represented among the unfavourable outcomes, once rows are compared within strata?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from audit.methods.statistics.influence import equal_clusters
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, percent
from audit.methods.statistics.proportions import FEWEST_EXPECTED

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Disparity:
    """One estimate per group, and what they rest on."""

    groups: tuple[Estimate, ...]
    strata: int
    """Strata in which both outcomes occur."""
    rows: int
    """Rows in them."""
    left_out: int
    """Rows in strata with one outcome only, where the disparity does not exist."""


def conditional_disparity(
    favourable: NDArray[np.bool_],
    codes: Codes,
    strata: Codes,
    *,
    groups: int,
    weights: Array | None = None,
    clusters: Codes | None = None,
    confidence: float = 0.95,
) -> Disparity:
    """Share of each group among the unfavourable rows less its share among the favourable ones, per stratum, averaged by stratum size.

    All arrays are (n,); rows with a negative group or stratum are left out. In [-1, 1], positive where the group is over-represented
    among unfavourable outcomes (Wachter, Mittelstadt & Russell 2021, arXiv:2005.05906). Strata with one outcome only are left out, as 0 / 0
    has no value. Intervals rest on the linearised variance over rows or clusters (Binder 1983, doi:10.2307/1402588); Undefined where
    fewer than 5 rows of the group, or of all others, have either outcome.
    """
    known = (codes >= 0) & (strata >= 0)
    place = np.flatnonzero(known)
    table = _Table(favourable[place], codes[place], strata[place], groups, None if weights is None else weights[place])
    if not len(table.kept):
        gone = Undefined("No stratum has both outcomes.", len(place))
        return Disparity((gone,) * groups, 0, 0, len(place))
    errors, units, freedom = table.errors() if clusters is None else table.clustered_errors(clusters[place])
    if units < 2:
        gone = Undefined("An interval needs at least 2 independent rows or clusters.", table.rows)
        return Disparity((gone,) * groups, len(table.kept), table.rows, len(place) - table.rows)
    factor = float(stdtrit(freedom, 0.5 + confidence / 2))
    method = f"conditional demographic disparity over {len(table.kept)} strata, linearised {percent(confidence)} t interval over {units} " + (
        "rows" if clusters is None else "clusters"
    )
    found = tuple(
        _reason(table, group) or _interval(float(value), factor * float(error), int(n), method)
        for group, (value, error, n) in enumerate(zip(table.value, errors, table.members, strict=True))
    )
    return Disparity(found, len(table.kept), table.rows, len(place) - table.rows)


class _Table:
    """Sums of weights by stratum, outcome (0 unfavourable, 1 favourable) and group, in the strata with both outcomes."""

    def __init__(self, favourable: NDArray[np.bool_], codes: Codes, strata: Codes, groups: int, weights: Array | None) -> None:
        self.codes, self.outcome = codes, favourable.astype(np.int64)
        self.weights = np.ones(len(codes)) if weights is None else weights
        size = int(strata.max(initial=-1)) + 1
        shape = (size, 2, groups)
        cell = (strata * 2 + self.outcome) * groups + codes
        rows, first, second = (
            np.bincount(cell, weights=by, minlength=size * 2 * groups).reshape(shape) for by in (None, self.weights, self.weights**2)
        )
        self.kept = np.flatnonzero((first.sum(axis=2) > 0).all(axis=1))
        self.counts, self.squares, held = rows[self.kept].sum(axis=0), second[self.kept], first[self.kept]
        self.rows, self.members = int(self.counts.sum()), self.counts.sum(axis=0)
        renumbered = np.full(size, -1, dtype=np.int64)
        renumbered[self.kept] = np.arange(len(self.kept))
        self.strata = renumbered[strata]
        outcomes = held.sum(axis=2)
        size_of = outcomes.sum(axis=1)
        self.total = float(size_of.sum())
        self.shares = held / np.maximum(outcomes, 1e-300)[:, :, None]
        apart = self.shares[:, 0] - self.shares[:, 1]
        self.value = size_of @ apart / self.total if len(self.kept) else np.zeros(groups)
        self.base = apart - self.value
        self.slope = np.array([1.0, -1.0]) * size_of[:, None] / np.maximum(outcomes, 1e-300)

    def errors(self) -> tuple[Array, int, float]:
        """Standard error of each group, (groups,), the number of rows, and degrees of freedom.

        Influence is the same for all rows of a cell that are in the group, and for all that are not.
        """
        outside = self.base[:, None, :] - self.slope[:, :, None] * self.shares
        inside = outside + self.slope[:, :, None]
        everyone = self.squares.sum(axis=2, keepdims=True)
        square = (self.squares * inside**2 + (everyone - self.squares) * outside**2).sum(axis=(0, 1))
        return np.asarray(np.sqrt(self.rows / max(self.rows - 1, 1) * square) / self.total), self.rows, self.rows - 1.0

    def clustered_errors(self, clusters: Codes) -> tuple[Array, int, float]:
        """The same with influences summed within clusters, (n,), before squaring; the number of clusters."""
        used = self.strata >= 0
        names, owner = np.unique(clusters[used], return_inverse=True)
        code, stratum, outcome, weight = self.codes[used], self.strata[used], self.outcome[used], self.weights[used]
        slope, errors = self.slope[stratum, outcome], np.zeros(len(self.value))
        for group in range(len(self.value)):
            influence = self.base[stratum, group] + slope * ((code == group) - self.shares[stratum, outcome, group])
            errors[group] = np.sqrt(np.sum(np.bincount(owner, weights=weight * influence) ** 2))
        freedom = max(equal_clusters(clusters[used], weight) - 1, 1.0)
        return errors * np.sqrt(len(names) / max(len(names) - 1, 1)) / self.total, len(names), freedom


def _reason(table: _Table, group: int) -> Undefined | None:
    mine = table.counts[:, group]
    fewest = int(min(mine.min(), (table.counts.sum(axis=1) - mine).min()))
    if fewest >= FEWEST_EXPECTED:
        return None
    text = f"In strata with both outcomes, {fewest} rows of the group or of all others have one of them; at least {FEWEST_EXPECTED} are needed."
    return Undefined(text, int(mine.sum()))


def _interval(value: float, half: float, n: int, method: str) -> Interval:
    return Interval(value, max(value - half, -1.0), min(value + half, 1.0), n, method)
