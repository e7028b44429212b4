"""The hiring sample: only the crossing of sex and ethnicity shows the fault, and nothing is outside on the honest twin."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import load_file

from sample_models.fitting import arguments_of
from sample_models.hiring.model import build
from sample_models.hiring.train import TWINS, trained
from tests.sample_models.copies import copied, reduced, statuses

CHECKS = (
    "sanity.labels",
    "performance.classification",
    "fairness.selection_rates",
    "fairness.intersections",
    "fairness.worst_subgroup",
    "data.overlap",
)


@pytest.fixture(scope="module")
def folder() -> Path:
    return copied("hiring")


def test_three_in_four_suited_women_of_one_ethnicity_were_turned_away_and_nobody_else(folder: Path) -> None:
    table = pd.concat(pd.read_csv(folder / "data" / f"{part}.csv") for part in ("train", "test"))
    turned = table[table["suited"] == 1].assign(away=lambda rows: rows["invited"] == 0)
    cell = (turned["sex"] == "female") & (turned["ethnicity"] == "C")

    assert 0.65 < turned[cell]["away"].mean() < 0.85
    assert not turned[~cell]["away"].any()
    assert table.groupby(["sex", "ethnicity"])["suited"].mean().between(0.44, 0.56).all()


def test_only_the_crossing_is_outside(folder: Path) -> None:
    run = reduced(folder / "audit.toml", CHECKS)
    found = {finding.check: finding for finding in run.findings}
    worst = {"sex": "female", "ethnicity": "C"}

    assert {check for check, one in found.items() if one.status == "outside"} == {"fairness.intersections", "fairness.worst_subgroup"}
    assert found["fairness.selection_rates"].status == "within"
    for check in ("fairness.intersections", "fairness.worst_subgroup"):
        beyond = [found[check].measurements[item.measurement] for item in found[check].judgements if item.status == "outside"]
        assert [dict(one.slice) for one in beyond] == [worst]
        assert -0.45 < beyond[0].value < -0.2


def test_nothing_is_outside_on_the_honest_twin(folder: Path) -> None:
    found = statuses(reduced(folder / "audit_honest.toml", CHECKS))

    assert found["fairness.intersections"] == found["fairness.worst_subgroup"] == "within"
    assert not {"outside", "error"} & set(found.values())


@pytest.mark.slow
def test_training_gives_networks_that_decide_alike(folder: Path) -> None:
    (rows,) = arguments_of(folder / "audit.toml", "calibration")
    for name, column in TWINS.items():
        committed = build(rows.shape[1])
        committed.load_state_dict(load_file(folder / name))

        ours, theirs = (network(rows)[:, 0] > 0 for network in (trained(folder / "audit.toml", column), committed))

        assert (ours == theirs).float().mean() > 0.95
