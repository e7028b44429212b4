"""Shares of rows with intervals, and their differences and ratios. Unweighted shares are exact integers; weighted ones rest on an effective n."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy.special import betaincinv, chdtri, ndtr

from audit.errors import MethodError
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, normal_quantile, percent

FEWEST_FOR_APPROXIMATION = 30
"""Below this number of rows the interval is exact."""
FEWEST_EXPECTED = 5
"""Below this number of successes or failures the interval is exact."""


@dataclass(frozen=True)
class Share:
    """`successes` of `total`, from `rows` rows. For weighted or clustered rows both are scaled to the effective n and are no integers."""

    successes: float
    total: float
    rows: int

    def __post_init__(self) -> None:
        if not -1e-9 <= self.successes <= self.total * (1 + 1e-9) + 1e-9 or self.rows < 0:
            raise MethodError(f"a share needs 0 <= successes <= total, found {self.successes} of {self.total} ({self.rows} rows)")

    @property
    def exact(self) -> bool:
        """Whether it is a ratio of integers."""
        return float(self.successes).is_integer() and self.total == self.rows

    @property
    def value(self) -> float:
        """The proportion; raises MethodError for an empty share."""
        if self.total <= 0:
            raise MethodError("an empty share has no value")
        return min(max(self.successes / self.total, 0.0), 1.0)


def wilson(share: Share, *, confidence: float = 0.95) -> Estimate:
    """Wilson's score interval (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
    if share.total <= 0:
        return Undefined("There are no rows.", share.rows)
    z, p, n = normal_quantile(confidence), share.value, share.total
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Interval(p, min(low, p), max(high, p), share.rows, f"proportion, Wilson {percent(confidence)} interval{_note(share)}")


def clopper_pearson(share: Share, *, confidence: float = 0.95) -> Estimate:
    """The exact interval (Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404); on an effective n it is Korn and Graubard's."""
    if share.total <= 0:
        return Undefined("There are no rows.", share.rows)
    tail, s, n = (1 - confidence) / 2, min(max(share.successes, 0.0), share.total), share.total
    low = float(betaincinv(s, n - s + 1, tail)) if s > 0 else 0.0
    high = float(betaincinv(s + 1, n - s, 1 - tail)) if s < n else 1.0
    return Interval(
        share.value,
        min(low, share.value),
        max(high, share.value),
        share.rows,
        f"proportion, Clopper-Pearson {percent(confidence)} interval{_note(share)}",
    )


def proportion_interval(share: Share, *, confidence: float = 0.95) -> Estimate:
    """Wilson's interval; Clopper-Pearson's with fewer than 30 rows or fewer than 5 successes or failures."""
    return clopper_pearson(share, confidence=confidence) if _sparse(share) else wilson(share, confidence=confidence)


def newcombe_difference(first: Share, second: Share, *, confidence: float = 0.95) -> Estimate:
    """Difference of two independent proportions, `first` minus `second`, with Newcombe's hybrid score interval.

    Method 10 of Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.
    """
    one, two = wilson(first, confidence=confidence), wilson(second, confidence=confidence)
    n = first.rows + second.rows
    if isinstance(one, Undefined) or isinstance(two, Undefined):
        return Undefined("One of the two sides has no rows.", n)
    value = one.value - two.value
    low = value - math.hypot(one.value - one.low, two.high - two.value)
    high = value + math.hypot(one.high - one.value, two.value - two.low)
    return Interval(value, max(low, -1.0), min(high, 1.0), n, f"difference of proportions, Newcombe {percent(confidence)} interval{_note(first)}")


def ratio_interval(first: Share, second: Share, *, confidence: float = 0.95) -> Estimate:
    """Ratio of two independent proportions with Koopman's score interval (Koopman 1984, doi:10.2307/2531405).

    Undefined when `second` has no successes. The log interval (Katz et al. 1978) is simpler, but holds the truth too rarely where either
    proportion is high, and an interval that changes from one to the other by the counts that came out holds it too often or too rarely.
    """
    n = first.rows + second.rows
    if min(first.total, second.total) <= 0:
        return Undefined("One of the two sides has no rows.", n)
    if second.successes <= 0:
        return Undefined("The rate that would be divided by is zero.", n)
    limit = float(chdtri(1, 1 - confidence))
    ratio = first.value / second.value

    def excess(log_ratio: float) -> float:
        return _score(first, second, math.exp(log_ratio)) - limit

    centre = math.log(ratio) if ratio > 0 else math.log(1 / (first.total * second.total))
    low = _root(excess, centre, -1) if ratio > 0 else 0.0
    high = _root(excess, centre, 1)
    return Interval(ratio, min(low, ratio), max(high, ratio), n, f"ratio of proportions, Koopman {percent(confidence)} score interval{_note(first)}")


def fisher_p(first: Share, second: Share) -> float:
    """Two-sided p value of Fisher's exact test that two proportions are equal; needs exact shares."""
    if not (first.exact and second.exact):
        raise MethodError("Fisher's test needs unweighted counts")
    a, b = int(first.successes), int(second.successes)
    from scipy.stats import fisher_exact  # noqa: PLC0415  takes half a second to load

    return float(fisher_exact([[a, first.rows - a], [b, second.rows - b]]).pvalue)


def two_proportion_p(first: Share, second: Share) -> float:
    """Two-sided p value of the pooled two-proportion z test; 1 when no row, or every row, is a success."""
    pooled = (first.successes + second.successes) / (first.total + second.total)
    variance = pooled * (1 - pooled) * (1 / first.total + 1 / second.total)
    if variance <= 0:
        return 1.0
    return float(2 * ndtr(-abs(first.value - second.value) / math.sqrt(variance)))


def equality_p(first: Share, second: Share) -> tuple[float, str]:
    """p value and name of the test of equal proportions: Fisher's with fewer than 30 rows or an expected cell below 5, else the z test."""
    pooled = (first.successes + second.successes) / (first.total + second.total)
    expected = min(first.total, second.total) * min(pooled, 1 - pooled)
    small = min(first.rows, second.rows) < FEWEST_FOR_APPROXIMATION or expected < FEWEST_EXPECTED
    if small and first.exact and second.exact:
        return fisher_p(first, second), "Fisher exact"
    return two_proportion_p(first, second), "two-proportion z"


def _sparse(share: Share) -> bool:
    fewest = min(share.successes, share.total - share.successes)
    return share.total < FEWEST_FOR_APPROXIMATION or fewest < FEWEST_EXPECTED


def _note(share: Share) -> str:
    return "" if share.total == share.rows else ", effective n"


def _score(first: Share, second: Share, ratio: float) -> float:
    """Pearson's chi-square at the constrained maximum p1 = ratio * p2, the smaller root of a quadratic."""
    n1, n2, x1, x2 = first.total, second.total, first.successes, second.successes
    a, b, c = ratio * (n1 + n2), -(ratio * (n1 + x2) + x1 + n2), x1 + x2
    p2 = 2 * c / (-b + math.sqrt(max(0.0, b * b - 4 * a * c)))
    p1 = ratio * p2
    return _chi(x1, n1, p1) + _chi(x2, n2, p2)


def _chi(x: float, n: float, p: float) -> float:
    variance = n * p * (1 - p)
    if variance <= 1e-300:
        return 0.0 if abs(x - n * p) < 1e-9 * max(n, 1) else math.inf
    return (x - n * p) ** 2 / variance


def _root(excess: Callable[[float], float], start: float, side: int) -> float:
    step = 0.25
    while excess(start + side * step) <= 0 and step < 64:
        step *= 2
    ends = sorted((start, start + side * step))
    from scipy.optimize import brentq  # noqa: PLC0415  takes as long to load as all else here

    # A score may be infinite at the edge of the domain, which the root finder cannot take.
    return math.exp(brentq(lambda point: min(excess(point), 1e9), *ends, xtol=1e-10))
