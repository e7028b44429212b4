"""The entropy of an attribution's histogram, against counts made by hand and what must not matter."""

from __future__ import annotations

import math

import numpy as np
import pytest

from audit.methods.attribution.histogram_entropy import histogram_entropy, relative_rise

LEANING = np.array([[8.0, *[0.0] * 7]])
"""Scott's width is (24 √π / 8)^(1/3) · 8 · √7/8 = 4.62, so there are two bins: seven values in one and one in the other."""


def test_bins_are_scott_s_and_the_entropy_is_that_of_their_counts():
    expected = -(7 / 8 * math.log(7 / 8) + 1 / 8 * math.log(1 / 8))

    assert histogram_entropy(LEANING) == pytest.approx([expected])


def test_neither_scale_nor_place_nor_order_matters():
    values = np.random.default_rng(0).normal(size=(5, 30))

    found = histogram_entropy(values)

    np.testing.assert_allclose(histogram_entropy(1e-6 * values + 0.0), found)
    np.testing.assert_allclose(histogram_entropy(4.0 + values), found)
    np.testing.assert_allclose(histogram_entropy(values[:, ::-1]), found)


def test_values_that_lie_everywhere_have_more_than_a_few_that_stand_out():
    spread = np.linspace(-1, 1, 40)[None]
    leaning = np.where(np.arange(40) < 2, 5.0, 0.01 * spread)

    assert histogram_entropy(spread)[0] > 3 * histogram_entropy(leaning)[0] > 0


def test_equal_values_have_none_and_no_rise_is_told_from_none():
    flat, spread = histogram_entropy(np.full((1, 6), 0.3)), histogram_entropy(np.arange(6.0)[None])

    assert flat[0] == 0
    assert np.isnan(relative_rise(flat, spread)).all()
    np.testing.assert_allclose(relative_rise(np.array([2.0]), np.array([3.0])), [0.5])
    assert histogram_entropy(np.zeros((0, 4))).shape == (0,)
