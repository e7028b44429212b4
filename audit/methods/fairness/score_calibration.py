"""Gaps between stated and observed rates in bins of a score, and an interval of their mean size that knows it is biased upwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.methods.statistics.intervals import Interval, normal_quantile, percent

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BinGaps:
    """Bins with rows, (bins,), and the covariance (bins, bins) of each bin's share times its gap."""

    share: Array
    """Weighted share of rows; sums to 1."""
    stated: Array
    observed: Array
    covariance: Array
    rows: int

    @property
    def error(self) -> float:
        """Expected calibration error: mean over rows of |observed - stated| of their bin; biased upwards."""
        return float(np.sum(self.share * np.abs(self.observed - self.stated)))


def bin_gaps(
    stated: Array,
    outcomes: NDArray[np.bool_],
    bins: NDArray[np.int64],
    weights: Array | None = None,
    *,
    clusters: NDArray[np.int64] | None = None,
) -> BinGaps:
    """Gaps of `stated` (n,) and `outcomes` (n,) by bin number (n,), at least one row; empty bins are left out.

    A bin's variance is the larger of that seen around its gap and that of outcomes with the stated probabilities, for a bin without both
    outcomes shows no variance of its own. Rows of a cluster are summed first, also over bins, and raise the latter as much as the former.
    """
    weight = np.ones(len(stated)) if weights is None else weights
    names, where = np.unique(bins, return_inverse=True)
    size, total = len(names), weight.sum()
    mass = np.bincount(where, weights=weight, minlength=size)
    safe = np.where(mass > 0, mass, 1.0)
    means = [np.bincount(where, weights=weight * v, minlength=size) / safe for v in (stated, outcomes.astype(np.float64))]
    off = weight * (outcomes - stated - (means[1] - means[0])[where]) / total
    seen = _covariance(off, where, size, clusters)
    alone = np.diag(_covariance(off, where, size, None))
    design = np.maximum(1.0, np.diag(seen) / np.where(alone > 0, alone, np.inf))
    model = design * np.bincount(where, weights=weight**2 * stated * (1 - stated), minlength=size) / total**2
    lift = np.sqrt(np.maximum(1.0, model / np.where(np.diag(seen) > 0, np.diag(seen), np.inf)))
    covariance = seen * np.outer(lift, lift)
    np.fill_diagonal(covariance, np.maximum(np.diag(covariance), model))
    return BinGaps(mass / total, means[0], means[1], covariance, len(stated))


def error_by_chance(gaps: BinGaps) -> float:
    """Mean calibration error that a perfectly calibrated network would show with these bins (normal approximation)."""
    return float(np.sqrt(2 / np.pi) * np.sqrt(np.diag(gaps.covariance)).sum())


def calibration_error_interval(gaps: BinGaps, *, generator: np.random.Generator, draws: int = 4000, confidence: float = 0.95, what: str) -> Interval:
    """The calibration error with an interval of at least `confidence` whatever the true gaps, if the gaps' errors are normal.

    The error is a sum of sizes. By the triangle inequality it exceeds the truth by no more than the sum of the sizes of the errors, whose
    quantile is the low end; and as a sum of sizes is at least that sum with the true signs, the high end adds the quantile of a signed sum.
    """
    spread = np.linalg.eigh(gaps.covariance)
    root = spread.eigenvectors * np.sqrt(np.maximum(spread.eigenvalues, 0))
    noise = np.abs(generator.standard_normal((draws, len(gaps.share))) @ root.T).sum(axis=1)
    low = gaps.error - float(np.quantile(noise, (1 + confidence) / 2))
    # The true signs are not known; sizes of covariances bound the variance of the signed sum for any of them.
    high = gaps.error + normal_quantile(confidence) * float(np.sqrt(np.abs(gaps.covariance).sum()))
    text = f"{what}, biased upwards, {percent(confidence)} interval from the triangle inequality over {draws} draws of the bins' errors"
    return Interval(gaps.error, max(0.0, low), min(1.0, max(high, gaps.error)), gaps.rows, text)


def _covariance(off: Array, where: NDArray[np.int64], size: int, clusters: NDArray[np.int64] | None) -> Array:
    if clusters is None:
        units = np.bincount(where, minlength=size)
        return np.diag(np.bincount(where, weights=off**2, minlength=size) * units / np.maximum(units - 1, 1))
    names, owner = np.unique(clusters, return_inverse=True)
    found, inverse = np.unique(owner * size + where, return_inverse=True)
    part = np.bincount(inverse, weights=off)
    # Products of the sums of each cluster, one offset between its bins at a time: a cluster is in as many cells as it has bins.
    total, cluster, place = np.zeros((size, size)), found // size, found % size
    for step in range(size):
        together = np.flatnonzero(cluster[: len(found) - step] == cluster[step:]) if step < len(found) else np.empty(0, dtype=np.int64)
        one, two, product = place[together], place[together + step], part[together] * part[together + step]
        np.add.at(total, (one, two), product)
        if step:
            np.add.at(total, (two, one), product)
    return np.asarray(total * len(names) / max(len(names) - 1, 1))
