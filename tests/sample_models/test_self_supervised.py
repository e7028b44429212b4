"""An encoder that learned to ignore how wide a series swings misses wear that shows in nothing else; without that lesson it does not."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from sample_models.fitting import arguments_of, column_of
from sample_models.self_supervised.train import TwoCopies, trained
from tests.sample_models.copies import copied, finding, outside, reduced

CHECKS = ["fairness.error_rates", "performance.classification"]


@cache
def sample() -> Path:
    return copied("self_supervised")


def test_the_series_of_the_encoder_have_no_labels() -> None:
    assert set(np.load(sample() / "data" / "unlabelled.npz").files) == {"readings", "place", "pump_id"}


def test_copies_are_scaled_for_the_planted_encoder_only() -> None:
    series = torch.sin(torch.arange(48) * 0.5)[None, None].repeat(500, 1, 1)
    torch.manual_seed(1)
    scaled, honest = (TwoCopies(torch.nn.Identity(), scaled)(series).std(dim=3) for scaled in (True, False))

    assert scaled.max() / scaled.min() > 4
    assert honest.max() / honest.min() < 1.2


def test_worn_pumps_missed_in_wells_are_outside() -> None:
    run = reduced(sample() / "audit.toml", CHECKS)

    assert outside(run) == ["fairness.error_rates"]
    assert next(m.value for m in finding(run, "fairness.error_rates").measurements if m.name == "accuracy_difference") < -0.2


def test_nothing_is_outside_where_width_was_not_changed() -> None:
    assert outside(reduced(sample() / "audit_honest.toml", CHECKS)) == []


@pytest.mark.slow
@pytest.mark.parametrize(("scaled", "expected"), [(True, (0.5, 0.75)), (False, (0.9, 1.0))])
def test_training_gives_networks_that_judge_wells_so(scaled: bool, expected: tuple[float, float]) -> None:
    audit_file = sample() / "audit.toml"
    judged = trained(audit_file, scaled)(*arguments_of(audit_file, "calibration")).detach().numpy()[:, 0] > 0
    right = judged == (column_of(audit_file, "calibration", "worn") == 1)
    well = column_of(audit_file, "calibration", "place") == "well"

    assert expected[0] < right[well].mean() <= expected[1]
    assert right[~well].mean() > 0.9
