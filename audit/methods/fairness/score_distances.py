"""Distances between the score distributions and between the ROC curves of two groups, exact, with intervals that know they are sizes.

A distance is a norm of a difference of curves, so it is above 0 by chance alone and its plain bootstrap is biased upwards twice. By the
triangle inequality it exceeds the truth by no more than the norm of the difference's error, whose bootstrap quantile gives the low end; and
a norm is at least its linear part at the truth, whose standard error gives the high end. Where few clusters tell the error, both ends
lie further off by the ratio of t to normal quantile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import stdtrit

from audit.methods.statistics.intervals import Interval, normal_quantile, percent

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
DRAWN_TOGETHER = 65_536
"""Weights of clusters that are drawn at a time."""


@dataclass(frozen=True)
class Curve:
    """A ROC curve at its distinct false positive rates `x` (m,), with the lowest and highest true positive rate at each."""

    x: Array
    lower: Array
    upper: Array


def kolmogorov_smirnov(first: Array, second: Array) -> float:
    """Largest |F - G| of the distribution functions of two groups with masses (codes,) on the same ordered scores, in [0, 1]."""
    return float(np.max(np.abs(_cumulated(first) - _cumulated(second))))


def wasserstein(first: Array, second: Array, values: Array) -> float:
    """Area between the distribution functions, in the unit of the ordered scores `values` (codes,)."""
    gap = np.abs(_cumulated(first) - _cumulated(second))
    return float(np.sum(gap[:-1] * np.diff(values)))


def roc_curve(positives: Array, negatives: Array) -> Curve:
    """The curve of masses (codes,) of both classes on ordered scores; ties are joined by a straight line."""
    true, false = (np.concatenate([[0.0], np.cumsum(mass[::-1]) / mass.sum()]) for mass in (positives, negatives))
    true[-1] = false[-1] = 1.0
    starts = np.concatenate([[0], np.flatnonzero(np.diff(false) > 0) + 1])
    ends = np.concatenate([starts[1:] - 1, [len(false) - 1]])
    return Curve(false[starts], true[starts], true[ends])


def area_between(first: Curve, second: Curve) -> float:
    """ABROCA: the integral of |ROC - other ROC| over the false positive rate, exact by pieces (Gardner et al. 2019, doi:10.1145/3303772.3303791)."""
    x = np.union1d(first.x, second.x)
    left, right = (_at(first, x, side) - _at(second, x, side) for side in ("upper", "lower"))
    start, end, width = left[:-1], right[1:], np.diff(x)
    size = np.abs(start) + np.abs(end)
    crossing = start * end < 0
    area = np.where(crossing, (start**2 + end**2) / np.where(size > 0, size, 1), size) / 2
    return float(np.sum(area * width))


def mass_replicates(
    codes: Codes, size: int, weights: Array | None = None, *, clusters: Codes | None = None, generator: np.random.Generator, resamples: int
) -> Array:
    """Bayesian bootstrap (Rubin 1981, doi:10.1214/aos/1176345338) of the shares of rows at each code, (resamples, size); rows each sum to 1.

    Every row, or cluster, gets an exponential weight. The sum of such weights over the rows at one code is a gamma; with sample weights it is
    a gamma of the same mean and variance. Clusters (n,) are numbers of 0 or more; generators of equal state give a cluster equal weights
    in every call, so that what clusters have in common on both sides, or in both classes, is kept.
    """
    weight = np.ones(len(codes)) if weights is None else weights
    if clusters is not None:
        drawn = _by_cluster(codes, size, weight, clusters=clusters, generator=generator, resamples=resamples)
    else:
        mass, square = np.bincount(codes, weights=weight, minlength=size), np.bincount(codes, weights=weight**2, minlength=size)
        held = np.flatnonzero(mass > 0)
        drawn = np.zeros((resamples, size))
        drawn[:, held] = generator.standard_gamma(mass[held] ** 2 / square[held], size=(resamples, len(held))) * square[held] / mass[held]
    return np.asarray(drawn / np.maximum(drawn.sum(axis=1, keepdims=True), 1e-300))


def distribution_intervals(
    values: tuple[float, float],
    first: Array,
    second: Array,
    scores: Array,
    *,
    n: int,
    text: str,
    freedom: float = np.inf,
    confidence: float = 0.95,
) -> tuple[Interval, Interval]:
    """Intervals of the Kolmogorov-Smirnov and Wasserstein distances `values` from mass replicates (resamples, codes) of both groups.

    `scores` (codes,) are the ordered scores of the replicates' codes, which may be coarser than those of `values`; `freedom` the degrees
    of freedom of rows in clusters.
    """
    gaps = np.cumsum(first, axis=1) - np.cumsum(second, axis=1)
    centre = gaps.mean(axis=0)
    noise, step, z = gaps - centre, np.diff(scores), normal_quantile(confidence)
    tops = np.abs(noise).max(axis=1)
    ks = _interval(
        values[0], tops, z * float(noise.std(axis=0).max()), n=n, text=f"Kolmogorov-Smirnov distance, {text}", freedom=freedom, confidence=confidence
    )
    sums = np.abs(noise[:, :-1]) @ step
    signed = _linear_error(noise[:, :-1] * step, centre[:-1])
    distance = _interval(values[1], sums, z * signed, n=n, text=f"Wasserstein distance, {text}", freedom=freedom, confidence=confidence)
    return Interval(ks.value, ks.low, min(ks.high, 1.0), n, ks.method), distance


def roc_gap_interval(
    value: float,
    first: tuple[Array, Array],
    second: tuple[Array, Array],
    *,
    n: int,
    text: str,
    grid: int = 257,
    freedom: float = np.inf,
    confidence: float = 0.95,
) -> Interval:
    """Interval of ABROCA from replicates (resamples, codes) of the masses of positives and negatives of both groups, on a grid of rates."""
    x, centre, noise = _roc_noise(first, second, grid)
    sums = np.trapezoid(np.abs(noise), x, axis=1)
    high = normal_quantile(confidence) * _linear_error(noise * np.gradient(x), centre)
    found = _interval(value, sums, high, n=n, text=f"area between the ROC curves, {text}", freedom=freedom, confidence=confidence)
    return Interval(found.value, found.low, min(found.high, 1.0), n, found.method)


def roc_gap_of_noise(first: tuple[Array, Array], second: tuple[Array, Array], *, grid: int = 257) -> float:
    """Mean ABROCA that the replicates' noise about their mean curves makes by itself: what groups of equal curves would show on average."""
    x, _, noise = _roc_noise(first, second, grid)
    return float(np.trapezoid(np.abs(noise), x, axis=1).mean())


def roc_gap_by_chance(
    first: tuple[NDArray[np.int64], NDArray[np.int64]],
    second: tuple[NDArray[np.int64], NDArray[np.int64]],
    *,
    generator: np.random.Generator,
    permutations: int,
) -> float:
    """Mean ABROCA when membership is exchanged at random among rows of the same label; counts (codes,) of positives and negatives."""
    drawn = []
    for one, two in zip(first, second, strict=True):
        pool = one + two
        drawn.append((generator.multivariate_hypergeometric(pool, int(one.sum()), size=permutations, method="marginals"), pool))
    (up, all_up), (down, all_down) = drawn
    found = [area_between(roc_curve(p, q), roc_curve(all_up - p, all_down - q)) for p, q in zip(up, down, strict=True)]
    return float(np.mean(found))


def coarse(weights: NDArray[np.float64], size: int) -> Codes:
    """The bin (codes,) of each ordered score when codes of total mass `weights` are merged into at most `size` bins of about equal mass."""
    if len(weights) <= size:
        return np.arange(len(weights), dtype=np.int64)
    middle = (np.cumsum(weights) - weights / 2) / weights.sum()
    return np.unique(np.minimum((middle * size).astype(np.int64), size - 1), return_inverse=True)[1].astype(np.int64)


def _interval(value: float, sizes: Array, above: float, *, n: int, text: str, freedom: float, confidence: float) -> Interval:
    wider = float(stdtrit(freedom, 0.5 + confidence / 2)) / normal_quantile(confidence)
    low = max(0.0, value - wider * float(np.quantile(sizes, (1 + confidence) / 2)))
    method = f"{text}, {percent(confidence)} interval from the triangle inequality over {len(sizes)} Bayesian bootstrap replicates"
    return Interval(value, min(low, value), value + wider * above, n, method)


def _cumulated(mass: Array) -> Array:
    return np.asarray(np.cumsum(mass) / mass.sum())


def _at(curve: Curve, x: Array, side: str) -> Array:
    """True positive rates at `x`: the limit from the right (``upper``) or from the left (``lower``) where the curve jumps."""
    place = np.minimum(np.searchsorted(curve.x, x, side="right") - 1, len(curve.x) - 1)
    after = np.minimum(place + 1, len(curve.x) - 1)
    width = curve.x[after] - curve.x[place]
    part = (x - curve.x[place]) / np.where(width > 0, width, 1)
    between = curve.upper[place] + part * (curve.lower[after] - curve.upper[place])
    return np.asarray(np.where(x == curve.x[place], getattr(curve, side)[place], between))


def _linear_error(noise: Array, centre: Array) -> float:
    """Standard error of the integral of the gap with the sign it is seen to have, or with one sign throughout if larger: small gaps hide theirs."""
    return max(float((noise @ np.sign(centre)).std()), float(noise.sum(axis=1).std()))


def _roc_noise(first: tuple[Array, Array], second: tuple[Array, Array], grid: int) -> tuple[Array, Array, Array]:
    """A grid of rates, the mean gap of the curves on it (grid,), and how each replicate departs from it (resamples, grid)."""
    x = np.linspace(0.0, 1.0, grid)
    gaps = np.stack([_roc_on(p, q, x) for p, q in zip(*first, strict=True)]) - np.stack([_roc_on(p, q, x) for p, q in zip(*second, strict=True)])
    centre = gaps.mean(axis=0)
    return x, np.asarray(centre), np.asarray(gaps - centre)


def _roc_on(positives: Array, negatives: Array, x: Array) -> Array:
    curve = roc_curve(positives, negatives)
    return _at(curve, x, "upper")


def _by_cluster(codes: Codes, size: int, weight: Array, *, clusters: Codes, generator: np.random.Generator, resamples: int) -> Array:
    names, owner = np.unique(clusters, return_inverse=True)
    held = sparse.csr_matrix((weight, (owner, codes)), shape=(len(names), size)).T.tocsr()
    drawn = np.empty((resamples, size))
    seeds, together = generator.integers(0, 2**63, size=resamples), max(1, DRAWN_TOGETHER // len(names))
    for start in range(0, resamples, together):
        drawn[start : start + together] = (held @ _exponential(names[:, None], seeds[start : start + together])).T
    return drawn


def _exponential(names: Codes, seeds: Codes) -> Array:
    """Exponential numbers that depend on the name and the seed alone: SplitMix64 (Steele et al. 2014, doi:10.1145/2714064.2660195) of both."""
    state = (names.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + seeds.astype(np.uint64)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits = (state ^ (state >> np.uint64(31))) >> np.uint64(11)
    return np.asarray(-np.log((bits.astype(np.float64) + 0.5) / 2.0**53))
