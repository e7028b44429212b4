"""Mantel-Haenszel methods against published results, scipy for one stratum, and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import chi2, chi2_contingency
from scipy.stats.contingency import odds_ratio

from audit.errors import MethodError
from audit.methods.fairness.mantel_haenszel import (
    Strata,
    breslow_day,
    cochran_mantel_haenszel,
    common_odds_ratio,
    common_risk_difference,
    mantel_haenszel,
)
from audit.methods.statistics.intervals import Undefined

# Admissions at Berkeley in 1973 by department (Bickel, Hammel & O'Connell 1975): admitted and rejected men, admitted and rejected women.
BERKELEY = np.array(
    [
        (512, 313, 89, 19),
        (353, 207, 17, 8),
        (120, 205, 202, 391),
        (138, 279, 131, 244),
        (53, 138, 94, 299),
        (22, 351, 24, 317),
    ],
    dtype=float,
)


def strata(table):
    a, b, c, d = np.asarray(table, dtype=float).T
    return Strata(a, a + b, c, c + d, int(min((a + b).sum(), (c + d).sum())))


def test_the_odds_ratio_of_berkeley_is_that_of_r():
    found = common_odds_ratio(strata(BERKELEY))  # mantelhaen.test(UCBAdmissions)

    assert found.value == pytest.approx(0.9046968, abs=1e-7)
    assert (found.low, found.high) == pytest.approx((0.7719074, 1.0603298), abs=1e-6)


def test_the_test_of_no_association_of_berkeley_is_that_of_r():
    # mantelhaen.test(UCBAdmissions, correct = FALSE): X-squared = 1.5246, p = 0.2169.
    assert cochran_mantel_haenszel(strata(BERKELEY)) == pytest.approx(chi2.sf(1.5246, 1), abs=2e-5)


def test_berkeley_s_odds_ratios_differ_as_breslow_and_day_find():
    held = strata(BERKELEY)

    assert breslow_day(held, common_odds_ratio(held)) == pytest.approx(0.00207, abs=2e-5)  # 18.83 on 5 degrees of freedom


def test_homogeneity_agrees_with_a_root_search_of_the_fitted_cells():
    held = strata(BERKELEY)
    psi, statistic, shift, spread = common_odds_ratio(held).value, 0.0, 0.0, 0.0
    for a, b, c, d in BERKELEY:
        n1, n0, m = a + b, c + d, a + c

        def excess(x, n1=n1, n0=n0, m=m):
            return x * (n0 - m + x) - psi * (n1 - x) * (m - x)

        x = brentq(excess, max(0, m - n0), min(n1, m))
        v = 1 / (1 / x + 1 / (n1 - x) + 1 / (m - x) + 1 / (n0 - m + x))
        statistic, shift, spread = statistic + (a - x) ** 2 / v, shift + a - x, spread + v

    assert breslow_day(held, common_odds_ratio(held)) == pytest.approx(chi2.sf(statistic - shift**2 / spread, 5))


def test_one_stratum_gives_the_sample_odds_ratio_and_its_log_interval():
    table = [[30, 70], [45, 55]]
    expected = odds_ratio(table, kind="sample")
    low, high = expected.confidence_interval(0.95)

    found = common_odds_ratio(strata([(30, 70, 45, 55)]))

    assert found.value == pytest.approx(expected.statistic)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6)


def test_one_stratum_gives_the_difference_of_proportions_and_the_scaled_chi_square():
    found, n = strata([(30, 70, 45, 55)]), 200

    assert common_risk_difference(found).value == pytest.approx(0.30 - 0.45)
    statistic = chi2_contingency([[30, 70], [45, 55]], correction=False).statistic
    assert cochran_mantel_haenszel(found) == pytest.approx(chi2.sf(statistic * (n - 1) / n, 1))


def test_the_risk_difference_of_one_large_stratum_has_the_binomial_standard_error():
    found = common_risk_difference(strata([(3000, 7000, 4500, 5500)]))

    error = np.sqrt(0.3 * 0.7 / 10_000 + 0.45 * 0.55 / 10_000)
    assert found.high - found.value == pytest.approx(1.959964 * error, rel=1e-3)


def test_a_difference_that_the_strata_explain_goes_away():
    # Women apply where few are admitted: 40 % against 60 % overall, the same within departments.
    held = strata([(320, 80, 80, 20), (20, 80, 80, 320)])

    assert common_risk_difference(held).value == pytest.approx(0)
    assert common_odds_ratio(held).value == pytest.approx(1)
    assert cochran_mantel_haenszel(held) == pytest.approx(1)


TABLES = st.lists(st.tuples(*[st.integers(11, 60)] * 4), min_size=1, max_size=6)


@settings(deadline=None)
@given(TABLES)
def test_swapping_the_sides_inverts_the_ratio_and_turns_the_difference(table):
    one = mantel_haenszel(strata(table))
    other = mantel_haenszel(strata([(c, d, a, b) for a, b, c, d in table]))

    assert other.odds_ratio.value == pytest.approx(1 / one.odds_ratio.value)
    assert other.odds_ratio.low == pytest.approx(1 / one.odds_ratio.high)
    assert other.risk_difference.value == pytest.approx(-one.risk_difference.value)
    assert other.risk_difference.low == pytest.approx(-one.risk_difference.high)
    assert other.no_association_p == pytest.approx(one.no_association_p)


@settings(deadline=None)
@given(TABLES, st.integers(1, 20))
def test_a_stratum_of_one_side_only_changes_nothing(table, rows):
    assert mantel_haenszel(strata([*table, (rows, rows, 0, 0)])).odds_ratio.value == mantel_haenszel(strata(table)).odds_ratio.value


def test_the_difference_is_always_inside_its_interval_of_minus_one_to_one():
    found = common_risk_difference(strata([(50, 0, 0, 50)]))

    assert (found.value, found.high) == (1, 1)


def test_no_stratum_with_both_sides_is_undefined():
    found = mantel_haenszel(strata([(5, 5, 0, 0), (0, 0, 5, 5)]))

    assert found.odds_ratio == Undefined("No stratum has rows of both groups.", 10)
    assert found.strata == 0


def test_too_little_room_for_a_difference_is_undefined():
    found = mantel_haenszel(strata([(1, 10, 2, 9), (1, 4, 2, 6)]))

    assert all(isinstance(one, Undefined) for one in (found.odds_ratio, found.risk_difference, found.no_association_p, found.homogeneity_p))
    assert "Mantel and Fleiss" in found.odds_ratio.reason


def test_everybody_alike_has_no_test_and_no_ratio():
    held = strata([(50, 0, 50, 0), (40, 0, 60, 0)])

    assert isinstance(cochran_mantel_haenszel(held), Undefined)
    assert isinstance(common_odds_ratio(held), Undefined)


def test_one_stratum_has_no_homogeneity_to_test():
    held = strata([(30, 70, 45, 55)])

    assert "Fewer than two strata" in breslow_day(held, common_odds_ratio(held)).reason


def test_tables_that_are_none_are_refused():
    with pytest.raises(MethodError, match="0 <= hits"):
        Strata(np.array([3.0]), np.array([2.0]), np.array([0.0]), np.array([1.0]), 1)


@pytest.mark.slow
@pytest.mark.parametrize(("strata_count", "rows"), [(4, 100), (60, 12)])
def test_intervals_cover_the_truth_and_tests_keep_their_level(strata_count, rows):
    generator, hits, wrong = np.random.default_rng(0), np.zeros(3), 0
    base = np.linspace(0.2, 0.7, strata_count)
    odds = 1.8 * base / (1 - base)
    common = odds / (1 + odds)
    for _ in range(600):
        c = generator.binomial(rows, base)
        a, shifted, alike = generator.binomial(rows, common), generator.binomial(rows, base + 0.15), generator.binomial(rows, base)
        full = np.full(strata_count, float(rows))
        ratio = common_odds_ratio(Strata(a, full, c, full, rows))
        difference = common_risk_difference(Strata(shifted, full, c, full, rows))
        hits += [ratio.low <= 1.8 <= ratio.high, difference.low <= 0.15 <= difference.high, 1]
        wrong += cochran_mantel_haenszel(Strata(alike, full, c, full, rows)) < 0.05

    assert hits[0] / hits[2] > 0.93
    assert hits[1] / hits[2] > 0.93
    assert wrong / hits[2] < 0.07
