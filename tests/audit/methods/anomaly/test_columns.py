"""Tail probabilities by counting rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import MethodError
from audit.methods.anomaly.columns import level_column, number_column, surprise, tail_probability

LEVEL = st.sampled_from(["a", "b", "c", None])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=15), st.integers(-1, 6))
def test_a_number_is_as_far_out_as_the_rows_beyond_it(reference, value):
    found = tail_probability(number_column(np.array(reference, float)), np.array([value], float))[0]

    below, above = sum(r <= value for r in reference), sum(r >= value for r in reference)

    assert found == pytest.approx(min(1, 2 * (1 + min(below, above)) / (len(reference) + 1)))


@given(st.lists(LEVEL, min_size=1, max_size=15), st.sampled_from(["a", "b", "c", "never seen", None]))
def test_a_level_is_as_rare_as_the_rows_of_levels_no_more_common(reference, value):
    found = tail_probability(level_column(np.array(reference, dtype=object)), np.array([value], dtype=object))[0]

    no_more = sum(reference.count(r) <= reference.count(value) for r in reference)

    assert found == pytest.approx((1 + no_more) / (len(reference) + 1))


def test_a_missing_number_is_as_rare_as_missing_ones():
    column = number_column(np.array([1.0, np.nan, 2.0, 3.0]))

    assert tail_probability(column, np.array([np.nan])) == pytest.approx([2 / 5])


def test_surprise_is_zero_for_the_usual_and_grows_outwards():
    column = number_column(np.arange(99.0))
    found = surprise(column, np.array([49.0, 90.0, 200.0]))

    assert found[0] == 0
    assert found[2] == pytest.approx(math.log(50))
    assert found[0] < found[1] < found[2]


def test_a_column_needs_reference_rows():
    for make, values in ((number_column, np.zeros(0)), (level_column, np.zeros(0, dtype=object))):
        with pytest.raises(MethodError, match="reference rows"):
            make(values)
