"""p values of many pairs of shares against scipy, one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2_contingency, fisher_exact

from audit.methods.fairness.equal_shares import equal_shares_p


def p_of(a, n, b, m, **given):
    return float(equal_shares_p(np.array([float(a)]), np.array([float(n)]), np.array([float(b)]), np.array([float(m)]), **given)[0])


def test_many_rows_give_the_chi_square_test_without_correction():
    expected = chi2_contingency([[60, 140], [90, 110]], correction=False).pvalue

    assert p_of(60, 200, 90, 200) == pytest.approx(expected)


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.data())
def test_few_rows_give_twice_the_smaller_fisher_tail(n, m, data):
    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    table = [[a, n - a], [b, m - b]]
    tails = [fisher_exact(table, alternative=side).pvalue for side in ("less", "greater")]

    assert p_of(a, n, b, m) == pytest.approx(min(1, 2 * min(tails)))


def test_it_is_never_below_the_level_it_claims():
    # All tables of 12 and 20 rows with a share of 0.3: the chance of p <= 0.05, enumerated.
    a, b = (side.reshape(-1) for side in np.meshgrid(np.arange(13), np.arange(21), indexing="ij"))
    p = equal_shares_p(a.astype(float), np.full(a.size, 12.0), b.astype(float), np.full(a.size, 20.0))

    assert np.sum((binom.pmf(a, 12, 0.3) * binom.pmf(b, 20, 0.3))[p <= 0.05]) <= 0.05


def test_no_hits_or_only_hits_are_no_evidence():
    assert p_of(0, 10, 0, 50) == 1
    assert p_of(100, 100, 500, 500) == 1


def test_effective_counts_keep_the_z_test():
    assert p_of(3, 12, 5, 40, exact=False) == pytest.approx(chi2_contingency([[3, 9], [5, 35]], correction=False).pvalue)
