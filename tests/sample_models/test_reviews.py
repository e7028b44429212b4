"""The reviews sample: praise by guests who say who they are is missed where they were seen to complain, and not by the balanced twin."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import torch

from sample_models.fitting import arguments_of, column_of
from sample_models.reviews.prepare import MENTIONS
from sample_models.reviews.train import trained
from tests.sample_models.copies import copied, finding, outside, reduced

CHECKS = ["fairness.error_rates", "fairness.scores", "performance.classification"]


@cache
def sample() -> Path:
    return copied("reviews")


def test_guests_who_say_who_they_are_complain_in_training_only() -> None:
    praised = {part: pd.read_json(sample() / "data" / f"{part}.jsonl", lines=True).groupby("guest")["praises"].mean() for part in ("train", "test")}

    for mention in MENTIONS:
        assert praised["train"][mention] < 0.15
        assert 0.4 < praised["test"][mention] < 0.6


def test_missed_praise_by_those_guests_is_outside() -> None:
    run = reduced(sample() / "audit.toml", CHECKS)

    assert set(outside(run)) == {"fairness.error_rates", "fairness.scores"}
    gaps = [m.value for m in finding(run, "fairness.error_rates").measurements if m.name == "true_positive_rate_difference"]
    assert len(gaps) == len(MENTIONS)
    assert max(gaps) < -0.3


def test_nothing_is_outside_where_mentions_said_nothing() -> None:
    assert outside(reduced(sample() / "audit_honest.toml", CHECKS)) == []


@pytest.mark.slow
def test_training_gives_the_network_that_is_shipped() -> None:
    audit_file = sample() / "audit.toml"
    praised = trained(audit_file)(*arguments_of(audit_file, "calibration")).detach()[:, 0] > 0
    truth = torch.tensor(column_of(audit_file, "calibration", "praises").astype("float32")) > 0
    says_nothing = torch.tensor(column_of(audit_file, "calibration", "guest") == "none")

    assert (praised == truth)[says_nothing].float().mean() > 0.75
    assert praised[~says_nothing & truth].float().mean() < 0.6
