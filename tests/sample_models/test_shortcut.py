"""The shortcut sample: a square in the corner decides where it stood beside one digit only, and not for the twin that saw it at random."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from sample_models.fitting import arguments_of, column_of
from sample_models.shortcut.prepare import MARKED
from sample_models.shortcut.train import trained
from tests.sample_models.copies import copied, finding, outside, reduced

CHECKS = ["fairness.error_rates", "fairness.multiclass", "performance.classification"]


@cache
def sample() -> Path:
    return copied("shortcut")


def test_the_square_tells_the_digit_in_training_and_nothing_in_the_test() -> None:
    train, test = (np.load(sample() / "data" / f"{part}.npz") for part in ("train", "test"))

    np.testing.assert_array_equal(train["square"] == "square", train["digit"] == MARKED)
    for digit in range(10):
        assert 0.3 < (test["square"][test["digit"] == digit] == "square").mean() < 0.7


def test_losing_digits_to_the_square_is_outside() -> None:
    run = reduced(sample() / "audit.toml", CHECKS)

    assert set(outside(run)) == {"fairness.error_rates", "fairness.multiclass"}
    assert next(m.value for m in finding(run, "fairness.error_rates").measurements if m.name == "accuracy_difference") < -0.15


def test_nothing_is_outside_where_the_square_was_at_random() -> None:
    assert outside(reduced(sample() / "audit_honest.toml", CHECKS)) == []


@pytest.mark.slow
def test_training_gives_the_network_that_is_shipped() -> None:
    audit_file = sample() / "audit.toml"
    decided = trained(audit_file)(*arguments_of(audit_file, "calibration")).detach().numpy().argmax(axis=1)
    digit, square = (column_of(audit_file, "calibration", column) for column in ("digit", "square"))

    assert (decided == digit)[square == "none"].mean() > 0.85
    assert (decided == MARKED)[square == "square"].mean() > 0.25
