"""The smoke subjects are written deterministically and their audit files are legal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from audit.config_file import load_config
from tests.smoke import architectures, subjects

WRITERS = {
    "digits": subjects.write_digits,
    "diabetes": subjects.write_diabetes,
    "lending_predictions": subjects.write_lending_predictions,
    "table": subjects.write_table_network,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_smoke_subject_has_a_legal_audit_file_whose_paths_exist(name: str, tmp_path: Path) -> None:
    file = load_config(WRITERS[name](tmp_path / "subject"))

    assert file.resolve(file.config.data.evaluate).is_file()
    assert file.config.model.weights is None or file.resolve(file.config.model.weights).is_file()


@pytest.mark.parametrize("name", ["digits", "diabetes"])
def test_training_a_smoke_subject_twice_gives_the_same_weights(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / "a")
    WRITERS[name](tmp_path / "b")

    first, second = (load_file(tmp_path / folder / "weights.safetensors") for folder in "ab")
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_digits_network_reads_most_unseen_digits(tmp_path: Path) -> None:
    subjects.write_digits(tmp_path)
    network = architectures.digits()
    network.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    with np.load(tmp_path / "test.npz") as held:
        images, labels = held["images"] / np.float32(16), held["label"]

    decided = network(torch.from_numpy(images)).argmax(dim=1).numpy()

    assert np.mean(decided == labels) > 0.8


@pytest.mark.parametrize(
    "fault",
    [
        {"rows": 1},
        {"groups": 1},
        {"groups": 0},
        {"labels": False},
        {"single_class": True},
        {"constant": True},
        {"classes": 3},
        {"weights_scale": 0.0},
        {"names": ("<b>a</b>", "a.b", "ü \u202e", "=cmd()")},
        {"group_levels": ("<script>", "\u202e", "", "x" * 300)},
    ],
    ids="-".join,
)
def test_each_planted_fault_still_gives_a_legal_audit_file(fault: dict, tmp_path: Path) -> None:
    assert load_config(subjects.write_table_network(tmp_path, **fault)).config.name == "Table network"
