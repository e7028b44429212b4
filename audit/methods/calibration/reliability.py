"""Reliability of stated probabilities in bins, and the expected calibration error with its upward bias told and taken off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from audit.errors import MethodError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Bins:
    """Rows grouped by stated probability; empty bins are left out. All arrays (bins,)."""

    confidence: Array
    """Mean stated probability."""
    frequency: Array
    """Weighted share of rows in which it came true."""
    rows: NDArray[np.int64]
    share: Array
    """Weighted share of all rows; sums to 1."""
    effective: Array
    """Kish's effective number of rows."""


def equal_width_edges(bins: int) -> Array:
    """`bins` + 1 edges from 0 to 1 at equal distances."""
    if bins < 1:
        raise MethodError(f"bins is {bins}; expected at least 1")
    return np.linspace(0.0, 1.0, bins + 1)


def equal_mass_edges(probabilities: Array, bins: int) -> Array:
    """Edges that put about as many rows into each bin; fewer bins where many probabilities are equal."""
    if bins < 1:
        raise MethodError(f"bins is {bins}; expected at least 1")
    inner = np.quantile(probabilities, np.arange(1, bins) / bins) if len(probabilities) else np.empty(0)
    return np.unique(np.concatenate([[0.0], inner, [1.0]]))


def reliability(probabilities: Array, outcomes: NDArray[np.bool_], edges: Array, weights: Array | None = None) -> Bins:
    """Group `probabilities` (n,) in [0, 1] into the bins (a, b] between `edges`; the first bin includes its lower edge."""
    where = np.clip(np.searchsorted(edges, probabilities, side="left") - 1, 0, len(edges) - 2)
    weight = np.ones(len(probabilities)) if weights is None else weights
    size = len(edges) - 1
    rows, total = np.bincount(where, minlength=size), np.bincount(where, weights=weight, minlength=size)
    square = np.bincount(where, weights=weight**2, minlength=size)
    kept = total > 0
    stated, came = (np.bincount(where, weights=weight * v, minlength=size)[kept] / total[kept] for v in (probabilities, outcomes.astype(np.float64)))
    return Bins(stated, came, rows[kept], total[kept] / total.sum(), total[kept] ** 2 / square[kept])


def expected_calibration_error(bins: Bins) -> float:
    """Mean over rows of |frequency - confidence| of their bin, in [0, 1]; biased upwards (Naeini et al. 2015, doi:10.1609/aaai.v29i1.9602)."""
    return float(np.sum(bins.share * np.abs(bins.frequency - bins.confidence)))


def debiased_calibration_error(bins: Bins) -> float:
    """The same with the upward bias of each bin taken off under a normal error of its frequency (Kumar et al. 2019, arXiv:1909.10155).

    A bin of true gap g and standard error s shows sqrt(2/pi) s exp(-g^2 / 2 s^2) + g (1 - 2 Phi(-g / s)) on average. The result can be below 0.
    """
    gap = np.abs(bins.frequency - bins.confidence)
    error = np.sqrt(bins.frequency * (1 - bins.frequency) / np.maximum(bins.effective, 1))
    return float(np.sum(bins.share * (2 * gap - _folded_mean(gap, error))))


def calibration_error_by_chance(bins: Bins) -> float:
    """What a perfectly calibrated network would show on average with these bins and numbers of rows (normal approximation)."""
    error = np.sqrt(bins.confidence * (1 - bins.confidence) / np.maximum(bins.effective, 1))
    return float(np.sum(bins.share * np.sqrt(2 / np.pi) * error))


def maximum_calibration_error(bins: Bins) -> float:
    """Largest |frequency - confidence| over the bins."""
    return float(np.max(np.abs(bins.frequency - bins.confidence)))


def calibration_error_replicates(
    probabilities: Array, outcomes: NDArray[np.bool_], edges: Array, weights: Array, *, generator: np.random.Generator, resamples: int
) -> Array:
    """Bootstrap replicates (resamples,) of the expected calibration error at the cost of the bins, for bins of many rows.

    The error is the sum over bins of |sum of w (outcome - probability)|, over the sum of w. Under the Poisson bootstrap the sums of different
    bins are independent, with mean the observed sum and variance the sum of squared terms; with many rows in each bin they are normal.
    """
    where = np.clip(np.searchsorted(edges, probabilities, side="left") - 1, 0, len(edges) - 2)
    term = weights * (outcomes - probabilities)
    size = len(edges) - 1
    mean = np.bincount(where, weights=term, minlength=size)
    spread = np.sqrt(np.bincount(where, weights=term**2, minlength=size))
    drawn = generator.normal(mean, spread, size=(resamples, size))
    return np.asarray(np.abs(drawn).sum(axis=1) / weights.sum())


def _folded_mean(gap: Array, error: Array) -> Array:
    safe = np.where(error > 0, error, 1.0)
    folded = np.sqrt(2 / np.pi) * safe * np.exp(-(gap**2) / (2 * safe**2)) + gap * (1 - 2 * ndtr(-gap / safe))
    return np.where(error > 0, folded, gap)
