"""The regression sample: what was noted too low for one sex is foretold too low, and not by the honest twin."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import load_file

from sample_models.fitting import arguments_of
from sample_models.regression.model import build
from sample_models.regression.prepare import TOO_LOW
from sample_models.regression.train import TWINS, trained
from tests.sample_models.copies import copied, reduced, statuses

CHECKS = ("sanity.labels", "performance.regression", "fairness.regression", "data.overlap")


@pytest.fixture(scope="module")
def folder() -> Path:
    return copied("regression")


def test_every_patient_is_in_one_file_and_the_fault_is_of_the_size_stated(folder: Path) -> None:
    table = pd.concat(pd.read_csv(folder / "data" / f"{part}.csv") for part in ("train", "test"))

    assert table["patient"].is_unique
    assert len(table) == 442
    assert set(zip(table["sex"], table["progression"] - table["noted"], strict=True)) == {(1, 0), (2, TOO_LOW)}


def test_the_planted_fault_is_found(folder: Path) -> None:
    run = reduced(folder / "audit.toml", CHECKS)
    gap = next(m for found in run.findings for m in found.measurements if m.name == "mean_error_difference")

    assert [check for check, status in statuses(run).items() if status == "outside"] == ["fairness.regression"]
    assert gap.slice == {"sex": "2"}
    assert gap.low is not None
    assert gap.high is not None
    assert gap.low < -TOO_LOW < gap.high


def test_nothing_is_outside_on_the_honest_twin(folder: Path) -> None:
    found = statuses(reduced(folder / "audit_honest.toml", CHECKS))

    assert found["fairness.regression"] == found["performance.regression"] == "within"
    assert not {"outside", "error"} & set(found.values())


@pytest.mark.slow
def test_training_gives_networks_that_foretell_alike(folder: Path) -> None:
    (rows,) = arguments_of(folder / "audit.toml", "evaluate")
    for name, column in TWINS.items():
        committed = build()
        committed.load_state_dict(load_file(folder / name))

        ours, theirs = (network(rows)[:, 0] for network in (trained(folder / "audit.toml", column), committed))

        assert (ours - theirs).abs().mean() < 3
