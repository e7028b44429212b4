"""Reliability bins, calibration errors and Brier scores against scikit-learn and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from audit.methods.calibration.brier import brier_parts, brier_score
from audit.methods.calibration.reliability import (
    calibration_error_by_chance,
    debiased_calibration_error,
    equal_mass_edges,
    equal_width_edges,
    expected_calibration_error,
    maximum_calibration_error,
    reliability,
)

GENERATOR = np.random.default_rng(2)
STATED = GENERATOR.random(2000)
TRUE = GENERATOR.random(2000) < STATED**1.5


def test_bins_agree_with_sklearn():
    frequency, stated = calibration_curve(TRUE, STATED, n_bins=10)

    bins = reliability(STATED, TRUE, equal_width_edges(10))

    assert bins.frequency == pytest.approx(frequency)
    assert bins.confidence == pytest.approx(stated)
    assert expected_calibration_error(bins) == pytest.approx(float(np.sum(bins.rows / 2000 * np.abs(frequency - stated))))
    assert maximum_calibration_error(bins) == pytest.approx(np.max(np.abs(frequency - stated)))


def test_equal_mass_bins_hold_equal_numbers():
    assert reliability(STATED, TRUE, equal_mass_edges(STATED, 8)).rows.tolist() == [250] * 8


def test_equal_probabilities_fall_into_one_bin():
    bins = reliability(np.full(20, 0.3), np.arange(20) < 6, equal_mass_edges(np.full(20, 0.3), 10))

    assert bins.rows.tolist() == [20]
    assert expected_calibration_error(bins) == pytest.approx(0)


def test_stated_zero_and_one_have_bins():
    bins = reliability(np.array([0.0, 1.0]), np.array([False, True]), equal_width_edges(5))

    assert bins.rows.tolist() == [1, 1]
    assert expected_calibration_error(bins) == 0


def test_a_perfectly_calibrated_network_shows_the_error_by_chance_and_the_debiased_value_takes_half_of_it_off():
    plain, chance, debiased = [], [], []
    for _ in range(200):
        stated = GENERATOR.random(500)
        bins = reliability(stated, GENERATOR.random(500) < stated, equal_width_edges(15))
        plain.append(expected_calibration_error(bins))
        chance.append(calibration_error_by_chance(bins))
        debiased.append(debiased_calibration_error(bins))

    assert np.mean(plain) == pytest.approx(np.mean(chance), rel=0.05)
    assert 0 < np.mean(debiased) < 0.75 * np.mean(plain)


def test_the_debiased_error_of_a_large_gap_is_nearly_unbiased():
    found = []
    for _ in range(300):
        stated = np.full(100, 0.8)
        found.append(debiased_calibration_error(reliability(stated, GENERATOR.random(100) < 0.6, equal_width_edges(5))))

    assert np.mean(found) == pytest.approx(0.2, abs=0.01)


def test_the_brier_score_agrees_with_sklearn():
    both = np.stack([1 - STATED, STATED], axis=1)

    assert brier_score(both, TRUE.astype(int)).value == pytest.approx(brier_score_loss(TRUE, STATED))


def test_the_parts_of_the_brier_score_add_up_for_constant_bins():
    stated = np.repeat([0.1, 0.5, 0.9], 100)
    true = GENERATOR.random(300) < stated
    parts = brier_parts(reliability(stated, true, equal_width_edges(10)))

    assert parts.reliability - parts.resolution + parts.uncertainty == pytest.approx(np.mean((stated - true) ** 2))
