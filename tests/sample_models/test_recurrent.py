"""The recurrent sample: a last n decides where it stood in one language only, and not for the twin that saw it in both."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import torch

from sample_models.fitting import arguments_of, column_of
from sample_models.recurrent.model import build
from sample_models.recurrent.train import trained
from tests.sample_models.copies import copied, finding, outside, reduced

CHECKS = ["fairness.error_rates", "performance.classification"]


@cache
def sample() -> Path:
    return copied("recurrent")


def test_words_that_end_in_n_are_of_one_language_in_training_only() -> None:
    share = {part: pd.read_csv(sample() / "data" / f"{part}.csv").groupby("ending")["tuv"].mean() for part in ("train", "test")}

    assert share["train"]["n"] == 1
    assert 0.4 < share["test"]["n"] < 0.6


def test_words_sent_to_the_wrong_dictionary_by_their_ending_are_outside() -> None:
    run = reduced(sample() / "audit.toml", CHECKS)

    assert outside(run) == ["fairness.error_rates"]
    assert next(m.value for m in finding(run, "fairness.error_rates").measurements if m.name == "false_positive_rate_difference") > 0.2


def test_nothing_is_outside_where_both_languages_had_such_words() -> None:
    assert outside(reduced(sample() / "audit_honest.toml", CHECKS)) == []


@pytest.mark.parametrize("cell", ["gru", "plain"])
def test_padding_after_the_last_letter_changes_nothing(cell: str) -> None:
    torch.manual_seed(0)
    network = build(cell=cell)  # type: ignore[arg-type]
    short, long = torch.tensor([[3, 4, 5]]), torch.tensor([[3, 4, 5, 0, 0]])

    torch.testing.assert_close(network(short, torch.tensor([3])), network(long, torch.tensor([3])))


@pytest.mark.slow
def test_training_gives_the_network_that_is_shipped() -> None:
    audit_file = sample() / "audit.toml"
    tuv = trained(audit_file)(*arguments_of(audit_file, "calibration")).detach()[:, 0] > 0
    truth = torch.tensor(column_of(audit_file, "calibration", "tuv").astype("float32")) > 0
    vowel = torch.tensor(column_of(audit_file, "calibration", "ending") == "vowel")

    assert (tuv == truth)[vowel].float().mean() > 0.8
    assert tuv[~vowel & ~truth].float().mean() > 0.2
