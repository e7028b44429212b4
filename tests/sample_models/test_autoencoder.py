"""The autoencoder sample: the broad pen is flagged where it was never seen, and not by the honest twin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from sample_models.autoencoder.model import build
from sample_models.autoencoder.train import PENS, train
from sample_models.fitting import arguments_of
from tests.sample_models.copies import copied, reduced, statuses

CHECKS = ("sanity.labels", "anomaly.detection", "fairness.error_rates", "fairness.selection_rates", "data.overlap")


@pytest.fixture(scope="module")
def folder() -> Path:
    return copied("autoencoder")


def test_a_quarter_of_the_images_are_drawn_with_the_broad_pen_and_one_digit_is_anomalous(folder: Path) -> None:
    parts = [np.load(folder / "data" / f"{part}.npz") for part in ("train", "calibration", "test")]

    assert sum(len(part["pen"]) for part in parts) == 1797
    for part in parts:
        assert 0.2 < (part["pen"] == "broad").mean() < 0.3
        np.testing.assert_array_equal(part["anomalous"] == 1, part["digit"] == 2)
        assert part["images"][part["pen"] == "broad"].mean() > 1.3 * part["images"][part["pen"] == "fine"].mean()


def test_the_planted_fault_is_found(folder: Path) -> None:
    found = statuses(reduced(folder / "audit.toml", CHECKS))

    assert found["fairness.error_rates"] == "outside"
    assert found["fairness.selection_rates"] == "outside"


def test_nothing_is_outside_on_the_honest_twin(folder: Path) -> None:
    found = statuses(reduced(folder / "audit_honest.toml", CHECKS))

    assert found["fairness.error_rates"] == found["fairness.selection_rates"] == "within"
    assert not {"outside", "error"} & set(found.values())


@pytest.mark.slow
def test_no_check_at_all_is_outside_on_the_honest_twin(folder: Path) -> None:
    run = reduced(folder / "audit_honest.toml", rows=10)

    assert not {"outside", "error"} & set(statuses(run).values())
    assert not [probe.instance for probe in run.probes if probe.status == "error"]


@pytest.mark.slow
def test_training_gives_the_committed_errors_again(folder: Path) -> None:
    (images,) = arguments_of(folder / "audit.toml", "evaluate")
    for name, pens in PENS.items():
        committed = build()
        committed.load_state_dict(load_file(folder / name))
        networks = train(folder / "audit.toml", pens), committed
        ours, theirs = ((network(images) - images).square().mean(dim=(1, 2, 3)).detach().numpy() for network in networks)

        assert np.corrcoef(ours, theirs)[0, 1] > 0.99
