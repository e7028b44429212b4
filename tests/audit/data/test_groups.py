from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audit.data.dataset import RowBlock, Schema
from audit.data.groups import cluster_codes, fit_groups, group_codes, label_codes
from audit.data.tables import TableDataset, open_table
from audit.data_config import GroupConfig
from audit.errors import DataError


def dataset(folder: Path, **columns: list[object]) -> TableDataset:
    path = folder / "rows.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    return open_table(path, name="evaluate", schema=Schema(columns=()), extra=list(columns), text=["sex"])


def block(column: str, values: list[object], kind: type = object) -> RowBlock:
    return RowBlock(np.arange(len(values)), {column: np.array(values, dtype=kind)})


def test_unknown_and_missing_are_minus_one(tmp_path: Path) -> None:
    rows = dataset(tmp_path, sex=["m", "f", "?", None])
    (spec,) = fit_groups({"sex": GroupConfig(column="sex", unknown=("?",))}, rows)

    assert spec.levels == ("f", "m")
    assert group_codes(spec, next(rows.blocks(9))).tolist() == [1, 0, -1, -1]


def test_numbers_and_texts_give_the_same_groups(tmp_path: Path) -> None:
    (spec,) = fit_groups({"sex": GroupConfig(column="sex", unknown=(9,), reference=1)}, dataset(tmp_path, sex=[1, 2, 9]))

    assert spec.levels == ("1", "2")
    assert spec.reference == "1"
    assert group_codes(spec, block("sex", [1.0, 2.0, 9.0, np.nan], float)).tolist() == [0, 1, -1, -1]


def test_a_value_at_a_cut_belongs_to_the_upper_bin(tmp_path: Path) -> None:
    rows = dataset(tmp_path, age=[24.9, 25, 39, 40, np.nan])
    (spec,) = fit_groups({"age": GroupConfig(column="age", bins=(25, 40))}, rows)

    assert spec.levels == ("<25", "25–40", "≥40")
    assert group_codes(spec, next(rows.blocks(9))).tolist() == [0, 1, 1, 2, -1]


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"sex": GroupConfig(column="sex", reference="femal")}, "did you mean 'female'"),
        ({"sex": GroupConfig(column="sex", unknown=("male", "female"))}, "unknown in every row"),
        ({"sex": GroupConfig(column="sex"), "gender": GroupConfig(column="sex")}, "same column"),
        ({"sex": GroupConfig(column="sexx")}, "did you mean 'sex'"),
        ({"sex": GroupConfig(column="sex", bins=(1,))}, "holds text"),
    ],
)
def test_a_wrong_group_is_refused(tmp_path: Path, declared: dict[str, GroupConfig], words: str) -> None:
    with pytest.raises(DataError, match=words):
        fit_groups(declared, dataset(tmp_path, sex=["male", "female"]))


def test_labels_are_positions_of_classes() -> None:
    assert label_codes(np.array([1.0, 0.0, np.nan]), ("0", "1")).tolist() == [1, 0, -1]
    assert label_codes(np.array(["b", None, "a"], dtype=object), ("a", "b")).tolist() == [1, -1, 0]


def test_a_label_that_is_no_class_is_refused_with_its_count() -> None:
    with pytest.raises(DataError, match=r"'y'.*'2' in 2 rows.*'0', '1'"):
        label_codes(np.array([0.0, 2.0, 2.0]), ("0", "1"), "y")


def test_rows_without_a_cluster_stand_alone() -> None:
    codes = cluster_codes(np.array(["a", None, "a", None], dtype=object))

    assert codes[0] == codes[2]
    assert len(set(codes.tolist())) == 3


def test_a_row_with_several_values_is_a_member_of_each(tmp_path: Path) -> None:
    rows = dataset(tmp_path, race=["white", "asian; white", None, "?", "asian;?"])
    specs = fit_groups({"race": GroupConfig(column="race", separator=";", unknown=("?",))}, rows)

    assert [(spec.name, spec.levels, spec.reference) for spec in specs] == [
        ("race: asian", ("asian", "others"), "others"),
        ("race: white", ("white", "others"), "others"),
    ]
    asian, white = (group_codes(spec, next(rows.blocks(9))).tolist() for spec in specs)
    assert asian == [1, 0, -1, -1, 0]
    assert white == [0, 0, -1, -1, 1]


def test_every_level_can_be_compared_with_the_rest(tmp_path: Path) -> None:
    rows = dataset(tmp_path, age=[20.0, 30.0, 50.0, np.nan])
    specs = fit_groups({"age": GroupConfig(column="age", bins=(25, 40), compare="rest")}, rows)

    assert [spec.name for spec in specs] == ["age: <25", "age: 25–40", "age: ≥40"]
    assert [group_codes(spec, next(rows.blocks(9))).tolist() for spec in specs] == [[0, 1, 1, -1], [1, 0, 1, -1], [1, 1, 0, -1]]


@pytest.mark.parametrize("given", [{"reference": "a", "compare": "rest"}, {"separator": ";", "bins": (1,)}, {"shares": {"a": 1}, "compare": "rest"}])
def test_ways_of_comparing_that_contradict_each_other_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"reference|separator|shares"):
        GroupConfig(column="a", **given)  # type: ignore[arg-type]
