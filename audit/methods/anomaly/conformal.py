"""Split-conformal p-values of scores, and which rows of a batch stand out when all of them are asked at once."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from audit.errors import MethodError
from audit.methods.statistics.simultaneous import benjamini_hochberg

Floats = NDArray[np.float64]


def conformal_p_values(scores: Floats, calibration: Floats) -> Floats:
    """(1 + number of calibration scores >= s) / (n + 1) for every score s, (m,), in [1/(n+1), 1]; NaN for a score that is NaN.

    For a row exchangeable with the n calibration rows P(p <= a) <= a, over the draw of both; given one calibration set the share may lie
    above a. Vovk, Gammerman & Shafer 2005, doi:10.1007/b106715. Raises MethodError without calibration scores, or when one is NaN.
    """
    n = len(calibration)
    if n == 0:
        raise MethodError("conformal p-values need at least one calibration score")
    if np.isnan(calibration).any():
        raise MethodError(f"{int(np.isnan(calibration).sum())} of {n} calibration scores are not numbers")
    at_least = n - np.searchsorted(np.sort(calibration), scores, side="left")
    return np.where(np.isnan(scores), np.nan, (1.0 + at_least) / (n + 1.0))


def threshold_at(calibration: Floats, quantile: float) -> float | None:
    """The number at or above which a row exchangeable with the n calibration rows (n,) scores with probability at most 1 - quantile.

    It is the next float above the score of rank ceil((n + 1) quantile), so that a row which ties with that score stays below; without ties the
    probability is within 1 / (n + 1) of 1 - quantile. None where that rank exceeds n. Vovk, Gammerman & Shafer 2005, doi:10.1007/b106715.
    Raises MethodError for a quantile outside (0, 1), or when a score is NaN.
    """
    if not 0 < quantile < 1:
        raise MethodError(f"quantile is {quantile}; expected a number between 0 and 1")
    if np.isnan(calibration).any():
        raise MethodError(f"{int(np.isnan(calibration).sum())} of {len(calibration)} calibration scores are not numbers")
    n = len(calibration)
    rank = math.ceil((n + 1) * quantile - 1e-9)
    if rank > n:
        return None
    return math.nextafter(float(np.sort(calibration)[rank - 1]), math.inf)


def smallest_p_value(n: int) -> float:
    """The smallest conformal p-value that n calibration rows can give."""
    return 1.0 / (n + 1)


def calibration_rows_needed(alpha: float) -> int:
    """Fewest calibration rows with which a p-value can reach `alpha`: the smallest n with 1/(n+1) <= alpha.

    Raises MethodError outside (0, 1).
    """
    if not 0 < alpha < 1:
        raise MethodError(f"alpha is {alpha}; expected a number between 0 and 1")
    # Rounding in 1/alpha must not ask for a row too many: 1/0.05 - 1 is 19.
    return max(1, math.ceil(1 / alpha - 1 - 1e-9))


def attained(p_values: Floats, alpha: float) -> NDArray[np.bool_]:
    """Whether p <= alpha, (m,), with room for the rounding of a ratio of integers; False for NaN."""
    return np.asarray(p_values <= alpha * (1 + 1e-12))


def discoveries(p_values: Floats, *, rate: float = 0.05) -> NDArray[np.bool_]:
    """Rows found at a false discovery rate of at most `rate`, (m,): adjusted by Benjamini-Hochberg, the p-value attains it. False for NaN.

    Conformal p-values that share a calibration set are positively dependent, under which the rate holds when scores have no ties.
    Bates et al. 2023, doi:10.1214/22-AOS2244.
    """
    known = ~np.isnan(p_values)
    found = np.zeros(len(p_values), dtype=np.bool_)
    found[known] = attained(benjamini_hochberg(p_values[known]), rate)
    return found


def false_alarm_range(n: int, alpha: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Where the share of usual rows with p <= alpha lies for one set of n calibration rows, in `confidence` of such sets: low and high.

    The share is Beta(l, n + 1 - l) with l = floor(alpha (n + 1)) when scores have no ties, smaller with them; both are 0 where no p-value
    reaches alpha. Vovk 2012, arXiv:1209.2673.
    """
    reached = math.floor(alpha * (n + 1) + 1e-9)
    if reached < 1:
        return 0.0, 0.0
    low, high = betaincinv(reached, n + 1 - reached, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
