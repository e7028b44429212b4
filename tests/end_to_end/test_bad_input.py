"""A user's mistake gets one clear message, exit code 2, no traceback, and nothing that looks like a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.end_to_end.command import CONFIG, frame, netassay, write


def refused(folder: Path, *expected: str, config: Path | None = None) -> str:
    said = netassay("run", config or folder / "audit.toml", "-q", cwd=folder)

    assert said.code == 2, said.err
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) <= 3, said.err
    for text in expected:
        assert text in said.err, said.err
    assert said.out == ""
    kept = {".cache", ".lock", ".index-1.sqlite"}
    assert {path.name for path in (folder / "runs").glob("*")} <= kept
    return said.err


def test_a_missing_audit_file(tmp_path: Path) -> None:
    write(tmp_path)
    refused(tmp_path, "no such audit file", "audit.toml", config=tmp_path / "audti.toml")


def test_a_missing_data_file_names_its_path(tmp_path: Path) -> None:
    write(tmp_path, config=CONFIG.replace("rows.csv", "row.csv"))
    refused(tmp_path, "row.csv")


def test_an_unknown_column_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, config=CONFIG.replace('"sex"', '"sexx"'))
    refused(tmp_path, "sexx", "'sex'")


def test_a_third_label_value_is_named_with_its_count(tmp_path: Path) -> None:
    data = frame()
    data.loc[[3, 4], "y"] = 2
    write(tmp_path, data)
    refused(tmp_path, "'y'", "2")


def test_duplicate_ids_are_named(tmp_path: Path) -> None:
    data = frame()
    data.loc[5, "id"] = "a4"
    write(tmp_path, data)
    refused(tmp_path, "a4")


def test_an_empty_table(tmp_path: Path) -> None:
    write(tmp_path, frame().iloc[:0])
    refused(tmp_path, "rows.csv")


def test_scores_out_of_range(tmp_path: Path) -> None:
    data = frame()
    data.loc[0, "p"] = 1.5
    write(tmp_path, data)
    refused(tmp_path, "[0, 1]")


def test_a_weight_of_zero(tmp_path: Path) -> None:
    data = frame().assign(w=1.0)
    data.loc[7, "w"] = 0.0
    write(tmp_path, data, CONFIG.replace('id = "id"', 'id = "id"\nweight = "w"'))
    refused(tmp_path, "'w'", "above 0")


def test_a_score_without_threshold(tmp_path: Path) -> None:
    write(tmp_path, config=CONFIG.replace('output = "probabilities"', 'output = "score"'))
    refused(tmp_path, "decision.threshold")


def test_a_favourable_class_that_does_not_exist(tmp_path: Path) -> None:
    write(tmp_path, config=CONFIG.replace("favourable = [1]", 'favourable = ["yes"]'))
    refused(tmp_path, "decision.favourable", "'yes'")


def test_an_unknown_check_setting_and_limit_come_together(tmp_path: Path) -> None:
    more = (
        '\n[checks.fairness.selection_rate]\n[checks.calibration.reliability]\nbinz = 3\nlimits.ece2 = {max=0.1,because="b",source="s",owner="o"}\n'
    )
    write(tmp_path, config=CONFIG + more)
    message = refused(tmp_path, "'fairness.selection_rates'", "binz", "ece2")
    assert len(message.splitlines()) == 3


def survives(folder: Path) -> str:
    said = netassay("run", folder / "audit.toml", "-q", cwd=folder)

    assert said.code in (0, 1), said.err + said.out
    assert "Traceback" not in said.err
    return said.out


def one_in_a_group(data: pd.DataFrame) -> pd.DataFrame:
    return data.assign(sex=["other", *data.sex[1:]])


def one_class(data: pd.DataFrame) -> pd.DataFrame:
    return data.assign(y=1)


def nan_outputs(data: pd.DataFrame) -> pd.DataFrame:
    return data.assign(p=[np.nan, *data.p[1:]])


def unknown_members(data: pd.DataFrame) -> pd.DataFrame:
    return data.assign(sex=[None, None, *data.sex[2:]])


def constant_score(data: pd.DataFrame) -> pd.DataFrame:
    return data.assign(p=0.7)


def one_row(data: pd.DataFrame) -> pd.DataFrame:
    return data.iloc[:1]


@pytest.mark.parametrize("change", [one_in_a_group, one_class, nan_outputs, unknown_members, constant_score, one_row])
def test_odd_but_legal_data_is_audited(change: Callable[[pd.DataFrame], pd.DataFrame], tmp_path: Path) -> None:
    write(tmp_path, change(frame()))

    assert "report" in survives(tmp_path)


def test_outputs_that_are_not_finite_are_found(tmp_path: Path) -> None:
    write(tmp_path, nan_outputs(frame()))

    assert "outside         sanity.labels" in survives(tmp_path)


def test_infinite_outputs_of_every_row_are_refused(tmp_path: Path) -> None:
    write(tmp_path, frame().assign(p=np.inf))
    refused(tmp_path, "finite")


def test_a_label_and_a_decision_that_are_swapped_are_found(tmp_path: Path) -> None:
    write(tmp_path, frame().assign(y=lambda d: 1 - d.y))

    out = survives(tmp_path)

    assert "outside         sanity.labels" in out


def test_a_file_name_with_control_characters_cannot_drive_the_terminal(tmp_path: Path) -> None:
    said = netassay("run", "\x1b[31mred.toml", cwd=tmp_path)

    assert said.code == 2
    assert "\x1b" not in said.err


@pytest.mark.parametrize("arguments", [("run",), ("run", "a.toml", "--nope"), ("nope",), ("run", "a.toml", "--fail-on", "x")])
def test_usage_errors_end_with_two(arguments: tuple[str, ...], tmp_path: Path) -> None:
    said = netassay(*arguments, cwd=tmp_path)

    assert said.code == 2
    assert "Traceback" not in said.err
