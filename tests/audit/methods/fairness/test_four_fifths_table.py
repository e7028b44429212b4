"""One row of the four-fifths table against enumeration and scipy."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from audit.errors import MethodError
from audit.methods.fairness.four_fifths_table import cell, standing


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int, int]:
    total, reference_total = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    return draw(st.integers(0, total)), total, draw(st.integers(1, reference_total)), reference_total


@given(tables())
def test_swaps_are_the_fewest_by_enumeration(table: tuple[int, int, int, int]) -> None:
    s, n, r, m = table
    lift = next(k for k in range(n + m + 1) if 5 * (s + k) * m >= 4 * (r - k) * n)
    reverse = next(k for k in range(n + m + 1) if (s + k) * m >= (r - k) * n)

    found = standing(s, n, r, m)

    assert (found.flips_to_lift, found.flips_to_reverse) == (lift, reverse)
    assert found.below == (lift > 0)
    assert found.ratio == Fraction(s, n) / Fraction(r, m)


def test_few_rows_are_tested_by_fishers_exact_test() -> None:
    found = standing(2, 20, 12, 25)

    assert found.test == "Fisher's exact"
    assert found.p_value == pytest.approx(fisher_exact([[2, 18], [12, 13]]).pvalue)
    assert found.shortfall == pytest.approx(20 * 12 / 25 - 2)


@pytest.mark.parametrize(
    ("below", "p_value", "expected"),
    [
        (True, 0.049, "below 4/5, beyond chance"),
        (True, 0.05, "below 4/5, within chance"),
        (False, 0.001, "at least 4/5, beyond chance"),
        (False, 1.0, "at least 4/5, within chance"),
    ],
)
def test_the_four_cells_of_the_grid(below: bool, p_value: float, expected: str) -> None:
    assert cell(below=below, p_value=p_value) == expected


@pytest.mark.parametrize("counts", [(1, 2, 0, 3), (0, 0, 1, 3)])
def test_without_a_ratio_there_is_no_standing(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(MethodError, match="somebody selected"):
        standing(*counts)
