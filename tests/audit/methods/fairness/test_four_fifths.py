"""The grid against enumeration, published tests and the trap of floats at exactly four fifths."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, fisher_exact

from audit.methods.fairness.four_fifths import grid

LIMIT = Fraction(4, 5)


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int, int]:
    total, reference_total = draw(st.integers(1, 60)), draw(st.integers(1, 60))
    return draw(st.integers(0, total)), total, draw(st.integers(1, reference_total)), reference_total


@given(tables())
def test_flips_are_the_fewest_swaps_by_enumeration(table: tuple[int, int, int, int]) -> None:
    s, n, r, m = table
    fewest = next(k for k in range(n + m + 1) if Fraction(s + k, n) >= LIMIT * Fraction(r - k, m))

    assert grid(s, n, r, m, limit=LIMIT).flips == fewest


def test_exactly_four_fifths_is_never_below() -> None:
    float_says_below = 0
    for n in range(5, 60):
        for m in range(5, 60):
            for r in range(1, m + 1):
                s = LIMIT * Fraction(r * n, m)
                if s.denominator == 1:
                    assert not grid(int(s), n, r, m, limit=LIMIT).below
                    float_says_below += (int(s) / n) / (r / m) < 0.8

    assert float_says_below > 100  # the trap is real: plain floats would have called these below


def test_large_tables_take_the_uncorrected_z_test() -> None:
    result = grid(300, 1000, 360, 1000, limit=LIMIT)

    expected = chi2_contingency(np.array([[300, 700], [360, 640]]), correction=False).pvalue
    assert result.test == "two-proportion Z"
    assert result.p_value == pytest.approx(expected, rel=1e-9)


def test_small_tables_take_fishers_test_and_are_adjusted() -> None:
    result = grid(3, 17, 10, 20, limit=LIMIT, comparisons=4)

    assert result.test == "Fisher's exact"
    assert result.p_value == pytest.approx(min(1.0, 4 * fisher_exact([[3, 14], [10, 10]]).pvalue))


def test_all_selected_in_both_groups_is_no_difference() -> None:
    result = grid(40, 40, 50, 50, limit=LIMIT)

    assert result.p_value == 1.0
    assert not result.below


def test_a_reference_without_selections_has_no_ratio() -> None:
    with pytest.raises(ValueError, match="somebody selected"):
        grid(3, 10, 0, 10, limit=LIMIT)
