"""Generalised entropy indices of non-negative benefits, their parts between and within groups, and intervals from influence values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from audit.methods.statistics.influence import equal_clusters, influence_interval, standard_error
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, normal_quantile, percent

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Entropy:
    """An index, 0 when all are alike, and the influence of each row on it, (n,)."""

    value: float
    influence: Array


@dataclass(frozen=True)
class Parts:
    """An index and the two parts that add up to it."""

    total: Entropy
    between: Entropy
    within: Entropy
    by_chance: float
    """What the part between groups would be on average if the rows were dealt to the groups at random; exact for alpha 2, else of second order.
    With clusters what it would be for groups of equal means, to second order."""
    groups: int


def generalised_entropy(benefits: Array, weights: Array | None = None, *, alpha: float = 2.0) -> Entropy | Undefined:
    """The index of `benefits` (n,), all at least 0 (Shorrocks 1980, doi:10.2307/1913126).

    mean((b / mu)^alpha - 1) / (alpha (alpha - 1)); for alpha 1 Theil's mean((b / mu) ln(b / mu)), for alpha 0 the mean log deviation
    mean(ln(mu / b)). Undefined when all benefits are 0, and for alpha of 0 or below when any is.
    """
    reason = _undefined(benefits, alpha)
    return _entropy(benefits, benefits, weights, alpha) if reason is None else reason


def entropy_parts(
    benefits: Array,
    codes: NDArray[np.integer],
    weights: Array | None = None,
    *,
    clusters: NDArray[np.int64] | None = None,
    alpha: float = 2.0,
) -> Parts | Undefined:
    """The index split by groups (`codes` (n,), 0 or more): between is the index of the group means, within is the rest.

    For every alpha within is the sum over groups of share · (group mean / mean)^alpha · index inside the group (Shorrocks 1980).
    """
    reason = _undefined(benefits, alpha)
    if reason is not None:
        return reason
    weight = np.ones(len(benefits)) if weights is None else weights
    mass = np.bincount(codes, weights=weight)
    means = np.bincount(codes, weights=weight * benefits) / np.where(mass > 0, mass, 1)
    total = _entropy(benefits, benefits, weights, alpha)
    between = _entropy(benefits, means[codes], weights, alpha)
    within = Entropy(total.value - between.value, total.influence - between.influence)
    groups = int((mass > 0).sum())
    rows = weight.sum() ** 2 / np.sum(weight**2)
    if clusters is None:
        chance = _entropy(benefits, benefits, weights, 2.0).value * (groups - 1) / max(rows - 1, 1)
    else:
        chance = _clustered_chance(weight * (benefits - means[codes]), codes, mass.astype(np.float64), clusters) / (
            2 * float(np.average(benefits, weights=weight)) ** 2
        )
    return Parts(total, between, within, float(chance), groups)


def coefficient_of_variation(benefits: Array, weights: Array | None = None) -> Entropy | Undefined:
    """Standard deviation over mean, the square root of twice the index at alpha 2; Undefined when all benefits are 0."""
    held = generalised_entropy(benefits, weights, alpha=2.0)
    if isinstance(held, Undefined):
        return held
    value = math.sqrt(2 * max(held.value, 0.0))
    return Entropy(value, held.influence / value if value > 0 else np.zeros_like(benefits))


def entropy_interval(
    held: Entropy | Undefined, weights: Array | None = None, *, clusters: NDArray[np.int64] | None = None, confidence: float = 0.95, method: str
) -> Estimate:
    """The linearised interval, cut at 0, or on the log scale with clusters, of which few tell a skewed index.

    Undefined where all benefits are alike, so that nothing tells how far chance could move the index.
    """
    if isinstance(held, Undefined):
        return held
    if not np.any(np.abs(held.influence) > 1e-12):
        return Undefined(f"All {len(held.influence)} benefits are alike, so the index is 0 and has no interval.", len(held.influence))
    found = influence_interval(held.value, held.influence, weights=weights, clusters=clusters, confidence=confidence, method=method)
    if isinstance(found, Undefined):
        return found
    if clusters is not None and found.value > 0:
        factor = math.exp(min((found.high - found.value) / found.value, 700.0))
        return Interval(found.value, found.value / factor, found.value * factor, found.n, f"{found.method}, on the log scale")
    return Interval(found.value, max(0.0, found.low), found.high, found.n, f"{found.method}, cut at 0")


def between_interval(
    parts: Parts | Undefined, weights: Array | None = None, *, clusters: NDArray[np.int64] | None = None, confidence: float = 0.95
) -> Estimate:
    """Interval of the part between groups, which is never below 0 and above 0 by chance alone.

    With equal group means its influence vanishes and the plain interval fails. The high end is that of its square root, a length, to which
    the error of the estimate adds at most; the low end also takes off what chance gives on average. Undefined with fewer than two groups.
    """
    if isinstance(parts, Undefined):
        return parts
    n, value = len(parts.total.influence), max(parts.between.value, 0.0)
    if parts.groups < 2:
        return Undefined("There are fewer than two groups with rows.", n)
    if max(parts.by_chance, parts.total.value) <= 0:
        return Undefined(f"All {n} benefits are alike, so no part lies between groups and there is no interval.", n)
    if n < 2 or (clusters is not None and len(np.unique(clusters)) < 2):
        return Undefined("An interval needs at least 2 independent rows.", n)
    z = normal_quantile(confidence) if clusters is None else float(stdtrit(max(equal_clusters(clusters, weights) - 1, 1), 0.5 + confidence / 2))
    error, chance = standard_error(parts.between.influence, weights, clusters), parts.by_chance
    step = max(math.sqrt(chance / (parts.groups - 1)), error / (2 * math.sqrt(value)) if value > 0 else 0.0)
    low = max(0.0, value - chance - z * error)
    text = f"index of group means, {percent(confidence)} linearised interval of its root, less the value by chance at the low end"
    return Interval(value, min(low, value), (math.sqrt(value) + z * step) ** 2, n, text)


def _undefined(benefits: Array, alpha: float) -> Undefined | None:
    n = len(benefits)
    if n == 0:
        return Undefined("There are no rows.", 0)
    if not np.any(benefits > 0):
        return Undefined(f"The benefit of all {n} rows is 0, so there is no mean to compare with.", n)
    zeros = int((benefits == 0).sum())
    if alpha <= 0 and zeros:
        return Undefined(f"{zeros} of {n} rows have a benefit of 0, for which the index at alpha {alpha:g} is infinite.", n)
    return None


def _entropy(benefits: Array, centres: Array, weights: Array | None, alpha: float) -> Entropy:
    """The index of `centres`, each row's own benefit or its group's mean, with the influence of each row's benefit.

    With S = mean phi(centre), a row moves S by phi(centre) - S + phi'(centre) (benefit - centre), and the mean by benefit - mu.
    """
    mean = float(np.average(benefits, weights=weights))
    level, slope = _phi(centres, alpha)
    off = benefits - centres
    total = float(np.average(level, weights=weights))
    moved = level - total + np.where(off == 0, 0.0, slope * off)
    from_mean = benefits - mean
    if alpha == 0:
        return Entropy(math.log(mean) - total, from_mean / mean - moved)
    if alpha == 1:
        return Entropy(total / mean - math.log(mean), moved / mean - (total / mean**2 + 1 / mean) * from_mean)
    scale = alpha * (alpha - 1)
    power = mean**alpha
    return Entropy((total / power - 1) / scale, (moved / power - alpha * total / (power * mean) * from_mean) / scale)


def _phi(x: Array, alpha: float) -> tuple[Array, Array]:
    """phi and its derivative; where x is 0 and the derivative infinite it is given as 0, for no benefit of such a group differs from its mean."""
    safe = np.where(x > 0, x, 1.0)
    if alpha == 0:
        return np.log(safe), 1 / safe
    if alpha == 1:
        return np.where(x > 0, x * np.log(safe), 0.0), np.where(x > 0, np.log(safe) + 1, 0.0)
    return np.where(x > 0, safe**alpha, 0.0), np.where(x > 0, alpha * safe ** (alpha - 1), 0.0)


def _clustered_chance(residuals: Array, codes: NDArray[np.integer], mass: Array, clusters: NDArray[np.int64]) -> float:
    """Sum over groups of share · variance of (group mean - mean), from weighted residuals (n,) about group means summed within clusters."""
    names, owner = np.unique(clusters, return_inverse=True)
    pairs, place = np.unique(codes.astype(np.int64) * len(names) + owner.reshape(-1), return_inverse=True)
    inside, everyone = np.bincount(place.reshape(-1), weights=residuals), np.bincount(owner.reshape(-1), weights=residuals)
    total = float(mass.sum())
    held = mass[pairs // len(names)]
    squares = float(np.sum(np.where(held > 0, inside**2 / np.where(held > 0, held, 1), 0.0))) / total - float(np.sum(everyone**2)) / total**2
    return max(squares, 0.0) * len(names) / max(len(names) - 1, 1)
