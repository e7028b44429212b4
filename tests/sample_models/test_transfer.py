"""A frozen body that never saw the new scanner: no head mends it, and with a body that learned from both scanners nothing is outside."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sample_models.fitting import arguments_of, column_of
from sample_models.transfer.model import build
from sample_models.transfer.train import SOURCES, trained
from tests.sample_models.copies import copied, finding, outside, reduced

CHECKS = ["fairness.error_rates", "performance.classification"]


@cache
def sample() -> Path:
    return copied("transfer")


def test_only_the_source_of_the_body_lacks_the_new_scanner() -> None:
    new = {part: np.load(sample() / "data" / f"{part}.npz")["scanner"] == "new" for part in ("source", "source_both", "train", "test")}

    assert not new["source"].any()
    assert all(0.4 < new[part].mean() < 0.6 for part in ("source_both", "train", "test"))


def test_forms_of_the_new_scanner_in_the_wrong_tray_are_outside() -> None:
    run = reduced(sample() / "audit.toml", CHECKS)

    assert outside(run) == ["fairness.error_rates"]
    assert next(m.value for m in finding(run, "fairness.error_rates").measurements if m.name == "accuracy_difference") < -0.2


def test_nothing_is_outside_where_the_body_saw_both_scanners() -> None:
    assert outside(reduced(sample() / "audit_honest.toml", CHECKS)) == []


@pytest.mark.slow
@pytest.mark.parametrize("weights", list(SOURCES))
def test_training_gives_the_network_that_is_shipped(weights: str) -> None:
    audit_file = sample() / "audit.toml"
    (images,) = arguments_of(audit_file, "calibration")
    right = column_of(audit_file, "calibration", "tray") == 1
    committed = build()
    committed.load_state_dict(load_file(sample() / weights))

    with_head, shipped = (((network(images)[:, 0] > 0).numpy() == right).mean() for network in (trained(audit_file, SOURCES[weights]), committed))
    assert with_head == pytest.approx(shipped, abs=0.1)


@pytest.mark.slow
def test_fitting_the_head_leaves_the_body_as_it_was() -> None:
    images = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    network = trained(sample() / "audit.toml", "source")

    assert not any(part.requires_grad for part in network[0].parameters())
    assert network[1](network[0](images)).equal(network(images))
