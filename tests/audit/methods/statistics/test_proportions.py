"""Shares, their intervals and tests against scipy, published examples and enumeration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats.contingency import relative_risk

from audit.errors import MethodError
from audit.methods.statistics.intervals import Interval, Undefined
from audit.methods.statistics.proportions import (
    Share,
    clopper_pearson,
    equality_p,
    fisher_p,
    newcombe_difference,
    proportion_interval,
    ratio_interval,
    two_proportion_p,
    wilson,
)


def share(successes: int, total: int) -> Share:
    return Share(successes, total, total)


@pytest.mark.parametrize(("successes", "total"), [(0, 7), (3, 10), (40, 100), (999, 1000), (12, 12)])
@pytest.mark.parametrize(("ours", "theirs"), [(wilson, "wilson"), (clopper_pearson, "exact")])
def test_intervals_of_a_proportion_agree_with_scipy(successes, total, ours, theirs):
    expected = stats.binomtest(successes, total).proportion_ci(method=theirs)

    found = ours(share(successes, total))

    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_few_rows_or_few_successes_take_the_exact_interval():
    assert "Clopper" in proportion_interval(share(10, 29)).method
    assert "Clopper" in proportion_interval(share(4, 1000)).method
    assert "Clopper" in proportion_interval(share(997, 1000)).method
    assert "Wilson" in proportion_interval(share(10, 30)).method


def test_an_empty_share_is_undefined_not_zero():
    assert isinstance(proportion_interval(share(0, 0)), Undefined)
    assert isinstance(newcombe_difference(share(0, 0), share(1, 2)), Undefined)
    assert isinstance(ratio_interval(share(1, 2), share(0, 9)), Undefined)
    with pytest.raises(MethodError, match="no value"):
        share(0, 0).value  # noqa: B018


def test_newcombe_gives_the_published_interval():
    # Newcombe 1998, table II, example (a): 56/70 - 48/80, method 10.
    found = newcombe_difference(share(56, 70), share(48, 80))

    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize(("scale", "near"), [(1, 0.02), (10_000, 2e-6)])
def test_with_many_rows_the_ratio_interval_agrees_with_scipys_log_interval(scale, near):
    expected = relative_risk(200 * scale, 1000 * scale, 450 * scale, 1200 * scale)
    interval = expected.confidence_interval(0.95)

    found = ratio_interval(share(200 * scale, 1000 * scale), share(450 * scale, 1200 * scale))

    assert (found.value, found.low, found.high) == pytest.approx((expected.relative_risk, interval.low, interval.high), rel=near)


def restricted_chi_square(x1: int, n1: int, x2: int, n2: int, ratio: float) -> float:
    """Smallest Pearson distance at the constrained likelihood maximum, by a fine grid instead of the quadratic."""
    p2 = np.linspace(1e-9, min(1, 1 / ratio) - 1e-9, 400_001)
    p1 = ratio * p2
    like = x1 * np.log(p1) + (n1 - x1) * np.log1p(-p1) + x2 * np.log(p2) + (n2 - x2) * np.log1p(-p2)
    best = np.argmax(like)
    a, b = p1[best], p2[best]
    return (x1 - n1 * a) ** 2 / (n1 * a * (1 - a)) + (x2 - n2 * b) ** 2 / (n2 * b * (1 - b))


@pytest.mark.parametrize("cells", [(2, 15, 9, 20), (3, 10, 4, 10), (1, 40, 30, 60)])
def test_the_ends_of_a_ratio_lie_where_the_score_test_turns(cells):
    x1, n1, x2, n2 = cells
    found = ratio_interval(share(x1, n1), share(x2, n2))

    for end in (found.low, found.high):
        assert restricted_chi_square(x1, n1, x2, n2, end) == pytest.approx(stats.chi2.ppf(0.95, 1), rel=2e-3)


def test_a_group_without_successes_has_a_ratio_of_zero_with_an_upper_end():
    found = ratio_interval(share(0, 10), share(6, 12))

    assert found.value == 0
    assert found.low == 0
    assert 0 < found.high < 1


def test_fisher_and_z_agree_with_scipy_and_by_hand():
    assert fisher_p(share(3, 10), share(8, 10)) == pytest.approx(stats.fisher_exact([[3, 7], [8, 2]]).pvalue)
    z = (0.5 - 0.3) / math.sqrt(0.4 * 0.6 * (1 / 100 + 1 / 100))
    assert two_proportion_p(share(50, 100), share(30, 100)) == pytest.approx(2 * stats.norm.sf(z))
    assert two_proportion_p(share(0, 10), share(0, 10)) == 1.0


def test_small_cells_are_tested_exactly():
    assert equality_p(share(3, 20), share(30, 90))[1] == "Fisher exact"
    assert equality_p(share(2, 100), share(3, 100))[1] == "Fisher exact"
    assert equality_p(share(40, 100), share(30, 100))[1] == "two-proportion z"


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_ratio_and_difference_hold_their_estimate(n, m, data):
    x, y = data.draw(st.integers(0, n)), data.draw(st.integers(1, m))

    ratio, difference = ratio_interval(share(x, n), share(y, m)), newcombe_difference(share(x, n), share(y, m))

    assert isinstance(ratio, Interval)
    assert 0 <= ratio.low <= ratio.value <= ratio.high
    assert -1 <= difference.low <= difference.value <= difference.high <= 1


@pytest.mark.parametrize(("first", "second"), [((60, 0.9), (300, 0.97)), ((100, 0.9), (600, 0.97)), ((40, 0.3), (200, 0.5)), ((60, 0.1), (80, 0.1))])
def test_the_ratio_interval_covers_nearly_95_percent_by_enumeration(first, second):
    """An interval that is the log one only where no cell is below 5 covers 97.5 % and 93.7 % in the first two."""
    (m, q), (n, p) = first, second
    chances = np.outer(stats.binom.pmf(np.arange(m + 1), m, q), stats.binom.pmf(np.arange(n + 1), n, p))
    likely = np.argwhere(chances > 1e-4)

    found = [ratio_interval(share(int(x), m), share(int(y), n)) for x, y in likely]

    chance, held = chances[tuple(likely.T)], [one.low <= q / p <= one.high for one in found]
    assert 0.94 < chance[held].sum() / chance.sum() < 0.96


def test_the_ratio_interval_covers_about_as_often_as_it_says():
    generator = np.random.default_rng(3)
    drawn = zip(generator.binomial(60, 0.3, 600), generator.binomial(80, 0.5, 600), strict=True)

    covered = [(found := ratio_interval(share(int(x), 60), share(int(y), 80))).low <= 0.6 <= found.high for x, y in drawn]

    assert 0.92 <= np.mean(covered) <= 0.98
