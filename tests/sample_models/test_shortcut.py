"""The shortcut sample: a square in the corner decides where it stood beside one digit only, and not for the twin that saw it at random."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from audit.results import AuditRun
from sample_models.fitting import arguments_of, column_of
from sample_models.shortcut.prepare import MARKED, write_splits
from sample_models.shortcut.train import trained
from tests.contract.audited import lasting_folder
from tests.sample_models.reduced import copied, finding, outside, reduced

CHECKS = ["fairness.error_rates", "fairness.multiclass", "performance.classification"]


@cache
def sample() -> Path:
    return copied("shortcut", lasting_folder("netassay-shortcut-"), write_splits)


def corner(run: AuditRun) -> float:
    """Mean absolute attribution of the corner by integrated gradients, as a share of that of all patches."""
    found = finding(run, "explanation.global_importance").measurements
    sizes = {m.at["feature"]: m.value for m in found if m.name == "mean_absolute_attribution" and m.at["method"] == "integrated_gradients"}
    return sizes["patch 0,0"] / sum(sizes.values())


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
def test_the_corner_has_a_larger_share_of_the_attributions_than_in_the_twin() -> None:
    runs = [reduced(sample() / file, ["explanation.global_importance"], rows=20) for file in ("audit.toml", "audit_honest.toml")]

    assert corner(runs[0]) > 1.5 * corner(runs[1])


@pytest.mark.slow
def test_training_gives_the_network_that_is_shipped() -> None:
    audit_file = sample() / "audit.toml"
    decided = trained(audit_file)(*arguments_of(audit_file, "calibration")).detach().numpy().argmax(axis=1)
    digit, square = (column_of(audit_file, "calibration", column) for column in ("digit", "square"))

    assert (decided == digit)[square == "none"].mean() > 0.85
    assert (decided == MARKED)[square == "square"].mean() > 0.25
