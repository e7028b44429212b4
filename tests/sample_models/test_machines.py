"""The LSTM that watches machines misses failures of the maker it never saw; fitted on both it does not."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch

from sample_models.fitting import arguments_of, column_of
from sample_models.machines.train import trained
from tests.sample_models.copies import copied, finding, outside, reduced

CHECKS = ["fairness.error_rates", "performance.classification", "explanation.global_importance"]


@cache
def sample() -> Path:
    return copied("machines")


def test_missed_failures_of_the_other_maker_are_outside() -> None:
    run = reduced(sample() / "audit.toml", CHECKS)

    assert outside(run) == ["fairness.error_rates"]
    gap = next(m for m in finding(run, "fairness.error_rates").measurements if m.name == "false_negative_rate_difference")
    assert gap.value > 0.7


def test_nothing_is_outside_where_both_makers_were_seen() -> None:
    assert outside(reduced(sample() / "audit_honest.toml", CHECKS)) == []


@pytest.mark.slow
def test_training_gives_the_network_that_is_shipped() -> None:
    audit_file = sample() / "audit.toml"
    network = trained(audit_file)
    decided = network(*arguments_of(audit_file, "calibration")).detach()[:, 0] > 0
    labels = torch.tensor(column_of(audit_file, "calibration", "failed")) > 0
    maker_a = torch.tensor(column_of(audit_file, "calibration", "maker") == "A")

    assert (decided == labels)[maker_a].float().mean() > 0.85
    assert decided[~maker_a & labels].float().mean() < 0.3
