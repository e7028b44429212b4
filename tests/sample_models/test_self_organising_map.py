"""The map sample: pumps with the second make of sensor are flagged where it was never seen, and not by the honest twin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from sample_models.fitting import arguments_of
from sample_models.self_organising_map.model import build
from sample_models.self_organising_map.prepare import GAIN
from sample_models.self_organising_map.train import MAKES, train
from tests.sample_models.copies import copied, reduced, statuses

CHECKS = ("sanity.labels", "anomaly.detection", "fairness.error_rates", "fairness.selection_rates", "data.overlap")


@pytest.fixture(scope="module")
def folder() -> Path:
    return copied("self_organising_map")


def test_the_second_make_shows_more_vibration_by_the_planted_gain(folder: Path) -> None:
    table = pd.read_csv(folder / "data" / "train.csv")

    means = table.groupby("sensor")["vibration"].mean()
    assert means["second make"] / means["first make"] == pytest.approx(GAIN, rel=0.05)
    assert table["faulty"].sum() == 0


def test_the_answer_is_the_distance_to_the_nearest_unit() -> None:
    network = build(side=2, inputs=3)
    network.units.data = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 2, 0], [5, 5, 5]])

    found = network(torch.tensor([[0.9, 0, 0], [0, 1.4, 0], [5, 5, 5]]))

    np.testing.assert_allclose(found[:, 0], [0.1, 0.6, 0.0], atol=1e-5)


def test_the_planted_fault_is_found(folder: Path) -> None:
    found = statuses(reduced(folder / "audit.toml", CHECKS))

    assert [check for check, status in found.items() if status == "outside"] == ["fairness.error_rates"]


def test_nothing_is_outside_on_the_honest_twin(folder: Path) -> None:
    found = statuses(reduced(folder / "audit_honest.toml", CHECKS))

    assert found["fairness.error_rates"] == found["anomaly.detection"] == "within"
    assert not {"outside", "error"} & set(found.values())


@pytest.mark.slow
def test_no_check_at_all_is_outside_on_the_honest_twin(folder: Path) -> None:
    run = reduced(folder / "audit_honest.toml", rows=10)

    assert not {"outside", "error"} & set(statuses(run).values())
    assert not [probe.instance for probe in run.probes if probe.status == "error"]


def test_training_gives_the_committed_distances_again(folder: Path) -> None:
    (rows,) = arguments_of(folder / "audit.toml", "evaluate")
    for name, makes in MAKES.items():
        committed = build()
        committed.load_state_dict(load_file(folder / name))

        np.testing.assert_allclose(train(folder / "audit.toml", makes)(rows), committed(rows), atol=1e-3)
