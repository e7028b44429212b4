"""Energy and largest probability against their definitions, term by term."""

from __future__ import annotations

import math

import numpy as np
import pytest

from audit.errors import MethodError
from audit.methods.anomaly.outputs import energy, one_minus_largest


def test_energy_is_the_log_of_summed_exponentials():
    logits = np.array([[1.0, 2.0, 0.5], [0.0, 0.0, 0.0]])

    expected = [-math.log(sum(math.exp(z) for z in row)) for row in logits.tolist()]

    assert energy(logits) == pytest.approx(expected, abs=1e-14)


def test_energy_with_a_temperature():
    row = [3.0, -1.0]

    assert energy(np.array([row]), temperature=2.0)[0] == pytest.approx(-2 * math.log(math.exp(1.5) + math.exp(-0.5)), abs=1e-14)


def test_a_single_logit_stands_for_a_pair_with_zero():
    logits = np.array([[-3.0], [0.0], [7.0]])

    assert energy(logits) == pytest.approx(energy(np.hstack([np.zeros((3, 1)), logits])), abs=1e-15)
    assert energy(logits)[1] == pytest.approx(-math.log(2))


def test_energy_of_huge_logits_does_not_overflow():
    assert energy(np.array([[5000.0, 4000.0]])).tolist() == [-5000.0]
    assert energy(np.array([[-5000.0, -5000.0]]))[0] == pytest.approx(5000 - math.log(2))


def test_energy_of_an_unusable_row_is_not_a_number():
    assert np.isnan(energy(np.array([[np.nan, 1.0]]))).all()


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(MethodError, match="temperature"):
        energy(np.zeros((1, 2)), temperature=temperature)


def test_the_score_is_one_minus_the_largest_probability():
    probability = np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]])

    assert one_minus_largest(probability) == pytest.approx([0.5, 0.0])


def test_rows_near_certainty_keep_their_order():
    tiny = np.array([1e-20, 1e-30])

    assert one_minus_largest(np.stack([1 - tiny, tiny], axis=1)).tolist() == [1e-20, 1e-30]


def test_a_single_column_is_no_distribution():
    with pytest.raises(MethodError, match="probabilities"):
        one_minus_largest(np.ones((3, 1)))
