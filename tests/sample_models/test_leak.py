"""The leak sample: the column written after the fact is named, and the network without it is as good as it honestly can be."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score

from sample_models.fitting import arguments_of
from sample_models.leak.model import build
from sample_models.leak.train import TWINS, trained
from tests.sample_models.copies import copied, reduced, statuses

CHECKS = ("sanity.labels", "performance.classification", "fairness.selection_rates", "data.overlap")


@pytest.fixture(scope="module")
def folder() -> Path:
    return copied("leak")


def test_the_column_alone_ranks_the_bills_almost_perfectly(folder: Path) -> None:
    table = pd.read_csv(folder / "data" / "test.csv")

    assert roc_auc_score(table["unpaid"], table["reminders"]) > 0.99
    assert max(roc_auc_score(table["unpaid"], sign * table[name]) for name in ("amount", "income", "late_before") for sign in (1, -1)) < 0.75


def test_the_leak_is_outside_and_named_and_every_other_finding_is_warned(folder: Path) -> None:
    run = reduced(folder / "audit.toml", CHECKS)
    found = statuses(run)
    sanity = next(finding for finding in run.findings if finding.check == "sanity.labels")

    assert found.pop("sanity.labels") == "outside"
    assert set(found.values()) == {"attention"}
    assert [sanity.measurements[item.measurement].name for item in sanity.judgements if item.status == "outside"] == ["label_twins"]
    assert "These inputs alone tell the label: reminders." in sanity.notes


def test_nothing_is_outside_on_the_honest_twin(folder: Path) -> None:
    found = statuses(reduced(folder / "audit_honest.toml", CHECKS))

    assert found["performance.classification"] == "within"
    assert not {"outside", "error"} & set(found.values())


@pytest.mark.slow
def test_training_gives_networks_that_rank_alike(folder: Path) -> None:
    labels = pd.read_csv(folder / "data" / "test.csv")["unpaid"]
    for audit_file, weights in TWINS.items():
        (rows,) = arguments_of(folder / audit_file, "evaluate")
        committed = build(rows.shape[1])
        committed.load_state_dict(load_file(folder / weights))

        ours, theirs = (roc_auc_score(labels, network(rows)[:, 0].detach()) for network in (trained(folder / audit_file), committed))

        assert ours == pytest.approx(theirs, abs=0.01)
