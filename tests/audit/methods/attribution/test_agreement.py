"""Agreement of attributions against scipy and hand-made rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.errors import MethodError
from audit.methods.attribution.agreement import rank_correlation, sign_agreement, top_overlap


def test_rank_correlations_are_scipys_row_by_row():
    generator = np.random.default_rng(0)
    first, second = generator.integers(0, 5, (20, 8)).astype(float), generator.normal(size=(20, 8))

    expected = [stats.spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]

    np.testing.assert_allclose(rank_correlation(first, second), expected, atol=1e-12)


def test_a_constant_row_has_no_order():
    assert np.isnan(rank_correlation(np.ones((1, 3)), np.array([[1.0, 2.0, 3.0]]))).all()


def test_signs_count_by_the_share_they_carry():
    first, second = np.array([[3.0, -1.0], [0.0, 0.0]]), np.array([[6.0, 2.0], [0.0, 0.0]])

    assert sign_agreement(first, second)[0] == pytest.approx(0.75)
    assert np.isnan(sign_agreement(first, second)[1])


def test_the_overlap_of_the_largest_is_a_jaccard_index():
    first, second = np.array([[-9.0, 5.0, 1.0, 0.0]]), np.array([[8.0, 0.0, -4.0, 1.0]])

    assert top_overlap(first, second, 2).tolist() == [1 / 3]
    assert top_overlap(first, second, 4).tolist() == [1]


def test_what_does_not_fit_is_refused():
    with pytest.raises(MethodError):
        rank_correlation(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(MethodError):
        top_overlap(np.ones((2, 3)), np.ones((2, 3)), 4)
