"""The discriminator sample: people in the country are held up where they were never seen, and not by the honest twin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file

from sample_models.discriminator.model import build
from sample_models.discriminator.train import HOMES, train
from sample_models.fitting import arguments_of
from tests.sample_models.copies import copied, reduced, statuses

CHECKS = ("sanity.labels", "anomaly.detection", "fairness.error_rates", "fairness.selection_rates", "data.overlap")


@pytest.fixture(scope="module")
def folder() -> Path:
    return copied("discriminator")


def test_frauds_are_in_the_files_that_no_network_is_fitted_on(folder: Path) -> None:
    shares = {part: pd.read_parquet(folder / "data" / f"{part}.parquet")["fraud"].mean() for part in ("train", "calibration", "test")}

    assert shares["train"] == 0
    assert 0.08 < shares["test"] < 0.12


def test_the_planted_fault_is_found(folder: Path) -> None:
    found = statuses(reduced(folder / "audit.toml", CHECKS))

    assert [check for check, status in found.items() if status == "outside"] == ["fairness.error_rates"]


def test_nothing_is_outside_on_the_honest_twin(folder: Path) -> None:
    run = reduced(folder / "audit_honest.toml", CHECKS)
    found = statuses(run)

    assert found["fairness.error_rates"] == found["anomaly.detection"] == "within"
    assert not {"outside", "error"} & set(found.values())
    assert run.subject["flag"] == "low"


@pytest.mark.slow
def test_no_check_at_all_is_outside_on_the_honest_twin(folder: Path) -> None:
    run = reduced(folder / "audit_honest.toml", rows=10)

    assert not {"outside", "error"} & set(statuses(run).values())
    assert not [probe.instance for probe in run.probes if probe.status == "error"]


@pytest.mark.slow
def test_training_gives_networks_that_rank_alike(folder: Path) -> None:
    (rows,) = arguments_of(folder / "audit.toml", "evaluate")
    for name, homes in HOMES.items():
        committed = build()
        committed.load_state_dict(load_file(folder / name))
        networks = train(folder / "audit.toml", homes), committed
        ours, theirs = (network(rows)[:, 0].detach().numpy() for network in networks)

        assert np.corrcoef(ours.argsort().argsort(), theirs.argsort().argsort())[0, 1] > 0.95
