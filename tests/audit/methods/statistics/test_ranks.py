"""Ranks with ties against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import rankdata

from audit.methods.statistics.ranks import tied_ranks


@given(arrays.arrays(np.float64, arrays.array_shapes(max_dims=3, min_side=0, max_side=9), elements=st.sampled_from([-2.5, -0.0, 0.0, 1.0, 1e300])))
def test_ranks_are_those_of_scipy(values: np.ndarray) -> None:
    assert np.array_equal(tied_ranks(values), rankdata(values, axis=-1).reshape(values.shape))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.bool_])
def test_many_rows_of_any_type(dtype: type) -> None:
    values = np.random.default_rng(0).integers(0, 40, (3, 1_000)).astype(dtype)

    assert np.array_equal(tied_ranks(values), rankdata(values, axis=1))


def test_one_value_has_the_first_rank() -> None:
    assert tied_ranks(np.array([7.0])).tolist() == [1.0]
