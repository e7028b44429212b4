"""Columns that are explained together: one unit for the attributions, columns for everything that moves or lists them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from audit.config_file import load_config
from audit.data.dataset import ColumnSchema, Schema
from audit.data.encoding import TableEncoder, fit_table_encoder
from audit.data_config import ColumnConfig
from audit.errors import ConfigError
from audit.open_model import Trust
from audit.open_subject import open_subject
from audit.probes.attribution.integrated_gradients import integrated_gradients
from audit.probes.attribution.shapley import shapley
from audit.subject import Subject
from tests.audit.methods.attribution.games import brute_force
from tests.audit.probes.attribution.explained_rows import ROOT, measure
from tests.smoke.subjects import write_table_network


def opened(folder: Path, *groups: str) -> Subject:
    return open_subject(load_config(write_table_network(folder), [f"data.feature_groups.{group}" for group in groups]), Trust((ROOT,)))


def test_a_group_stands_at_the_place_of_its_first_column() -> None:
    columns = [ColumnSchema(name=name, kind="numeric") for name in "abc"]
    level = ColumnSchema(name="d", kind="categorical", levels=("x", "y"))
    single = fit_table_encoder(Schema((*columns, level)), None, {"d": ColumnConfig(encode="one_hot")}, "float32")
    encoder = TableEncoder(single.codes, "float32", (("pair", ("d", "b")),))

    assert encoder.players.names == ("a", "pair", "c")
    np.testing.assert_array_equal(encoder.players.owner, [0, 1, 2, 1, 1])
    assert encoder.by_column.names == ("a", "b", "c", "d")
    assert encoder.digest != single.digest
    assert single.players.names == ("a", "b", "c", "d")


def test_values_of_groups_are_those_of_the_game_between_groups(tmp_path: Path) -> None:
    names = opened(tmp_path / "all").players.names
    subject = opened(tmp_path / "some", f'first=["{names[0]}","{names[2]}"]', f'last=["{names[-1]}","{names[1]}"]')

    found = measure(subject, shapley, rows=2, background=4)

    players = subject.players
    assert players.names[:2] == ("first", "last")
    assert len(players.names) == len(names) - 2
    with subject.model.session(gradients=False) as network:  # type: ignore[attr-defined]
        for row in range(2):
            point, rest = subject.model.tensor(found.inputs[row]), subject.model.tensor(found.background)  # type: ignore[attr-defined]
            expected = brute_force(network, point, rest, players.owner, len(players.names))[:, 0]
            np.testing.assert_allclose(found.columns["values"][row], expected, atol=1e-5)


def test_additive_methods_add_up_the_columns_of_a_group(tmp_path: Path) -> None:
    single = opened(tmp_path / "all")
    names = single.players.names
    grouped = opened(tmp_path / "some", f'pair=["{names[1]}","{names[2]}"]')

    apart, together = (measure(one, integrated_gradients, rows=3, background=4).columns["values"] for one in (single, grouped))

    np.testing.assert_allclose(together[:, 1], apart[:, 1] + apart[:, 2], atol=1e-6)
    np.testing.assert_allclose(together[:, [0, *range(2, len(names) - 1)]], np.delete(apart, [1, 2], axis=1), atol=1e-6)


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ('pair=["nowhere"]', "'nowhere' is no input"),
        ("pair=[]", "names no column"),
    ],
)
def test_groups_of_what_is_not_there_are_refused(tmp_path: Path, group: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        opened(tmp_path, group)


def test_a_column_has_one_place_and_a_group_a_name_of_its_own(tmp_path: Path) -> None:
    a, b, c = opened(tmp_path / "all").players.names[:3]

    with pytest.raises(ConfigError, match="a column has one place"):
        opened(tmp_path / "twice", f'one=["{a}"]', f'two=["{a}","{b}"]')
    with pytest.raises(ConfigError, match="has the name of a column"):
        opened(tmp_path / "name", f'{a}=["{b}","{c}"]')
