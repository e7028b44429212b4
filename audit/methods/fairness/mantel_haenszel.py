"""Two groups compared within strata: Mantel-Haenszel's common odds ratio and risk difference, and tests of no and of equal association."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from audit.errors import MethodError
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, normal_quantile, percent
from audit.methods.statistics.proportions import FEWEST_EXPECTED

Array = NDArray[np.float64]
SPARSE_SHARE = 0.2
"""Share of fitted cells that may lie below 5 in the homogeneity test (Cochran 1954, doi:10.2307/3001616)."""


@dataclass(frozen=True)
class Strata:
    """One two-by-two table per stratum, (strata,) each: hits and rows of the group and of the reference. Counts may be effective ones."""

    hits: Array
    total: Array
    reference_hits: Array
    reference_total: Array
    rows: int
    """Rows of the smaller side, summed over strata with rows of both."""

    def __post_init__(self) -> None:
        inside = (self.hits <= self.total + 1e-9) & (self.reference_hits <= self.reference_total + 1e-9)
        if not inside.all() or min(self.hits.min(initial=0), self.reference_hits.min(initial=0)) < 0:
            raise MethodError("each stratum needs 0 <= hits <= total on both sides")

    def informative(self) -> Strata:
        """The strata with rows of both sides; the others say nothing of their difference."""
        kept = (self.total > 0) & (self.reference_total > 0)
        return Strata(self.hits[kept], self.total[kept], self.reference_hits[kept], self.reference_total[kept], self.rows)

    @property
    def size(self) -> Array:
        """Rows of both sides, (strata,)."""
        return self.total + self.reference_total

    @property
    def expected(self) -> Array:
        """Hits of the group if both sides of a stratum were alike, (strata,)."""
        return self.total * (self.hits + self.reference_hits) / self.size


@dataclass(frozen=True)
class Association:
    """What strata say of a group against the reference."""

    odds_ratio: Estimate
    risk_difference: Estimate
    no_association_p: float | Undefined
    """Two-sided Cochran-Mantel-Haenszel p value."""
    homogeneity_p: float | Undefined
    """Breslow-Day p value with Tarone's correction that the odds ratio is the same in all strata."""
    strata: int
    """Strata with rows of both sides."""


def mantel_haenszel(strata: Strata, *, confidence: float = 0.95) -> Association:
    """All four; each is Undefined, with the reason, where the strata do not carry it."""
    held = strata.informative()
    if not len(held.total):
        gone = Undefined("No stratum has rows of both groups.", strata.rows)
        return Association(gone, gone, gone, gone, 0)
    sparse = too_sparse(held)
    odds, difference = common_odds_ratio(held, confidence=confidence), common_risk_difference(held, confidence=confidence)
    homogeneity = breslow_day(held, odds) if sparse is None else sparse
    return Association(sparse or odds, sparse or difference, sparse or cochran_mantel_haenszel(held), homogeneity, len(held.total))


def common_odds_ratio(strata: Strata, *, confidence: float = 0.95) -> Estimate:
    """Odds of a hit in the group over those in the reference, with the log interval of Robins, Breslow & Greenland.

    Mantel & Haenszel 1959, doi:10.1093/jnci/22.4.719; Robins, Breslow & Greenland 1986, doi:10.2307/2531052.
    """
    a, c, n = strata.hits, strata.reference_hits, strata.size
    b, d = strata.total - a, strata.reference_total - c
    r, s = a * d / n, b * c / n
    if min(r.sum(), s.sum()) <= 0:
        return Undefined(
            "The common odds ratio is 0, infinite or 0 / 0: one side has no hits, or only hits, wherever the other differs.", strata.rows
        )
    p, q = (a + d) / n, (b + c) / n
    variance = (p * r).sum() / (2 * r.sum() ** 2) + (p * s + q * r).sum() / (2 * r.sum() * s.sum()) + (q * s).sum() / (2 * s.sum() ** 2)
    ratio, factor = float(r.sum() / s.sum()), float(np.exp(normal_quantile(confidence) * np.sqrt(variance)))
    text = f"Mantel-Haenszel common odds ratio over {len(n)} strata, Robins-Breslow-Greenland {percent(confidence)} interval"
    return Interval(ratio, ratio / factor, ratio * factor, strata.rows, text)


def common_risk_difference(strata: Strata, *, confidence: float = 0.95) -> Estimate:
    """Share of hits in the group less that in the reference, averaged over strata, with Sato's variance.

    Greenland & Robins 1985, doi:10.2307/2530643; Sato 1989, Biometrics 45:1323-1324. The variance holds for few large and for many small strata.
    """
    a, c, n, n1, n0 = strata.hits, strata.reference_hits, strata.size, strata.total, strata.reference_total
    weight = float((n1 * n0 / n).sum())
    value = float(((a * n0 - c * n1) / n).sum()) / weight
    first = (n1**2 * c - n0**2 * a + n1 * n0 * (n0 - n1) / 2) / n**2
    second = (a * (n0 - c) + c * (n1 - a)) / (2 * n)
    error = float(np.sqrt(max(value * first.sum() + second.sum(), 0.0))) / weight
    half = normal_quantile(confidence) * error
    text = f"Mantel-Haenszel risk difference over {len(n)} strata, Sato {percent(confidence)} interval"
    return Interval(value, max(value - half, -1.0), min(value + half, 1.0), strata.rows, text)


def cochran_mantel_haenszel(strata: Strata) -> float | Undefined:
    """Two-sided p value that the sides are alike in every stratum, chi-square without continuity correction."""
    n, hits = strata.size, strata.hits + strata.reference_hits
    variance = strata.total * strata.reference_total * hits * (n - hits) / (n**2 * np.maximum(n - 1, 1e-12))
    total = float(variance[n > 1].sum())
    if total <= 0:
        return Undefined("Within each stratum everybody has the same outcome.", strata.rows)
    return float(chdtrc(1, float((strata.hits - strata.expected).sum()) ** 2 / total))


def breslow_day(strata: Strata, odds_ratio: Estimate) -> float | Undefined:
    """p value that all strata share the odds ratio, with Tarone's correction.

    Breslow & Day 1980, Statistical Methods in Cancer Research I; Tarone 1985, doi:10.1093/biomet/72.1.91. Undefined with fewer than two
    strata in which both outcomes occur, or where fitted cells are too small for chi-square.
    """
    hits = strata.hits + strata.reference_hits
    both = (hits > 0) & (hits < strata.size)
    if both.sum() < 2:
        return Undefined("Fewer than two strata have both groups and both outcomes.", strata.rows)
    if isinstance(odds_ratio, Undefined):
        return odds_ratio
    a, n1, n0, m = strata.hits[both], strata.total[both], strata.reference_total[both], hits[both]
    fitted = _fitted(odds_ratio.value, n1, n0, m)
    cells = np.stack([fitted, n1 - fitted, m - fitted, n0 - m + fitted])
    if cells.min() < 1 or np.mean(cells < FEWEST_EXPECTED) > SPARSE_SHARE:
        return Undefined("Too many strata expect fewer than 5 rows in a cell to compare their odds ratios.", strata.rows)
    variance = 1 / np.sum(1 / cells, axis=0)
    statistic = np.sum((a - fitted) ** 2 / variance) - np.sum(a - fitted) ** 2 / np.sum(variance)
    return float(chdtrc(int(both.sum()) - 1, statistic))


def too_sparse(strata: Strata, design_effect: float = 1.0) -> Undefined | None:
    """Mantel and Fleiss' rule: hits of the group could lie at least 5 from what is expected, either way (Am. J. Epidemiol. 112:129-134).

    Rows that belong to clusters count as so many divided by their `design_effect`.
    """
    hits = strata.hits + strata.reference_hits
    least, most = np.maximum(0, hits - strata.reference_total).sum(), np.minimum(hits, strata.total).sum()
    expected = float(strata.expected.sum())
    room = min(expected - least, most - expected) / design_effect
    if room >= FEWEST_EXPECTED:
        return None
    return Undefined(
        f"The strata leave room for {room:.2g} rows of difference; at least {FEWEST_EXPECTED} are needed (Mantel and Fleiss).", strata.rows
    )


def _fitted(ratio: float, n1: Array, n0: Array, m: Array) -> Array:
    """Hits of the group that have the odds ratio with the margins kept: the root of a quadratic between its bounds."""
    if abs(ratio - 1) < 1e-9:
        return n1 * m / (n1 + n0)
    square, linear, constant = 1 - ratio, n0 - m + ratio * (n1 + m), -ratio * n1 * m
    spread = np.sqrt(np.maximum(linear**2 - 4 * square * constant, 0.0))
    # The root without cancellation; the other lies outside the bounds.
    return np.asarray(-2 * constant / (linear + spread))
