"""A threshold taken from calibration scores flags exchangeable rows as rarely as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import MethodError
from audit.methods.anomaly.conformal import conformal_p_values, threshold_at


def test_the_rank_is_the_conformal_one() -> None:
    scores = np.arange(1.0, 20.0)  # 19 rows: rank ceil(20 · 0.95) = 19

    assert threshold_at(scores, 0.95) == math.nextafter(19.0, math.inf)
    assert threshold_at(scores, 0.9) == math.nextafter(18.0, math.inf)
    assert threshold_at(np.arange(18.0), 0.95) is None
    assert threshold_at(np.zeros(0), 0.5) is None


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(1, 19))
def test_flagged_rows_are_those_whose_p_value_is_small_enough(scores: list[int], twentieths: int) -> None:
    calibration, quantile = np.array(scores, dtype=np.float64), twentieths / 20
    asked = np.arange(-1.0, 11.0)

    threshold = threshold_at(calibration, quantile)

    n = len(calibration)
    small = conformal_p_values(asked, calibration) * (n + 1) <= (20 - twentieths) * (n + 1) / 20 + 1e-9
    flagged = np.zeros(len(asked), dtype=np.bool_) if threshold is None else asked >= threshold
    assert np.array_equal(flagged, small)


def test_rows_of_the_same_kind_are_flagged_at_most_as_often_as_declared_ties_or_not() -> None:
    generator = np.random.default_rng(0)
    for draw in (generator.normal, lambda size: generator.integers(0, 4, size).astype(float)):
        hits = 0
        for _ in range(3000):
            scores = draw(size=40)
            threshold = threshold_at(scores[:39], 0.9)
            assert threshold is not None
            hits += scores[39] >= threshold
        assert hits / 3000 <= 0.1 + 4 * np.sqrt(0.09 / 3000)


@pytest.mark.parametrize("quantile", [0.0, 1.0, -0.1, 1.5])
def test_a_quantile_outside_its_range_is_refused(quantile: float) -> None:
    with pytest.raises(MethodError, match="between 0 and 1"):
        threshold_at(np.arange(5.0), quantile)


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(MethodError, match="1 of 2"):
        threshold_at(np.array([0.0, np.nan]), 0.5)
