"""Companions in the audit file: what they take from the model, what is refused, and what a changed one recomputes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from audit.config_file import load_config
from audit.errors import ConfigError, NetassayError
from audit.open_subject import open_subject
from tests.contract.audited import TRUST, Audited, audit, lasting_folder
from tests.smoke import subjects

CHECKS = 'only=["companions.drift","companions.disagreement"]'


@cache
def folder() -> Path:
    """A table network with itself and its opposite as companions."""
    held = lasting_folder("netassay-companions-")
    config = subjects.write_table_network(held)
    weights = load_file(held / "weights.safetensors")
    last = [name for name in weights if name.endswith("weight")][-1].removesuffix("weight")
    save_file({name: -value if name.startswith(last) else value for name, value in weights.items()}, held / "opposite.safetensors")
    model = load_config(config).raw["model"]
    tables = "".join(f'\n[companions.{name}]\narchitecture = "{model["architecture"]}"\nweights = "{file}"\n' for name, file in PAIR.items())
    config.write_text(config.read_text(encoding="utf-8") + tables, encoding="utf-8")
    return config


PAIR = {"same": "weights.safetensors", "opposite": "opposite.safetensors"}


@cache
def done() -> Audited:
    return audit(folder(), folder().parent / "runs", overrides=[CHECKS])


def value(name: str, companion: str) -> float:
    drift = next(found for found in done().run.findings if found.check == "companions.drift")
    return next(m.value for m in drift.measurements if m.name == name and m.at.get("companion") == companion and not m.slice)


def test_a_companion_means_what_the_model_means_unless_it_says_otherwise() -> None:
    config = load_config(folder()).config

    assert {one.task for one in config.companions.values()} == {config.model.task}
    assert {one.output for one in config.companions.values()} == {config.model.output}


def test_a_network_agrees_with_itself_in_every_row_and_never_with_its_opposite() -> None:
    own = done().rows().decisions

    assert value("agreement", "same") == 1
    assert value("largest_difference", "same") == 0
    decisions = done().rows().column("companions.outputs.decision")
    assert value("flip_share", "opposite") == pytest.approx(np.mean(decisions[:, 0] != own))
    assert value("flip_share", "opposite") > 0.9


def test_what_turns_a_network_turns_its_copy() -> None:
    held = done().rows().within("companions.robustness")
    mine = held.column("companions.robustness.model_flipped")

    assert np.array_equal(held.column("companions.robustness.flipped")[:, 1], mine)
    assert np.array_equal(held.column("companions.robustness.transferred")[:, 1], np.where(mine == 1, 1, -1))


def test_the_run_names_its_companions() -> None:
    held = done().run.subject["companions"]

    assert list(held) == ["opposite", "same"]
    assert held["same"]["weights"] == done().run.subject["model"]["weights"]


def test_a_changed_companion_recomputes_its_probes_and_no_other() -> None:
    done()
    again = audit(folder(), folder().parent / "runs", overrides=[CHECKS, 'companions.same.weights="opposite.safetensors"'])

    reused = {record.instance: record.blocks_reused == record.blocks for record in again.run.probes if record.status == "measured"}
    assert reused["outputs"]
    assert not reused["companions.outputs"]


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ('companions.same.task="regression"', "task"),
        ('companions.same.output="score"', "output"),
        ('companions.same.weihgts="x"', "weights"),
        ('companions.same.weights="none.safetensors"', "companions.same"),
        ('companions.same.weights="../../x.safetensors"', "outside"),
    ],
)
def test_what_cannot_be_compared_or_read_is_refused_by_name(override: str, told: str) -> None:
    with pytest.raises((ConfigError, NetassayError), match=told):
        open_subject(load_config(folder(), [override]), TRUST)
