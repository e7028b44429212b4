"""An audit file reads what lies in its folder; another folder only when the person at the command line names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.config_file import ConfigFile, check_config, load_config
from audit.errors import ConfigError

RAW = {"name": "n", "model": {"predictions": {"score": "p"}, "output": "probabilities", "task": "binary"}, "data": {"evaluate": "rows.csv"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "audits" / "inner").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_text("secret")
    return tmp_path


def file(folder: Path, *allowed: Path) -> ConfigFile:
    return check_config(RAW, folder / "audits" / "audit.toml", folders=allowed)


@pytest.mark.parametrize("name", ["rows.csv", "inner/rows.csv", "./inner/../rows.csv", "inner/../../audits/rows.csv"])
def test_paths_inside_the_folder_are_resolved(folder: Path, name: str) -> None:
    assert file(folder).resolve(name).is_relative_to(folder.resolve() / "audits")


@pytest.mark.parametrize("name", ["../data/rows.csv", "/etc/passwd", "inner/../../data/rows.csv", "link.csv", "linked/rows.csv", "../audits2/r.csv"])
def test_paths_that_lead_out_are_refused_in_one_line_that_says_how_to_allow_them(folder: Path, name: str) -> None:
    (folder / "audits" / "link.csv").symlink_to(folder / "data" / "rows.csv")
    (folder / "audits" / "linked").symlink_to(folder / "data")

    with pytest.raises(ConfigError, match="outside the audit file's folder") as caught:
        file(folder).resolve(name)

    assert f"--data {(folder / 'audits' / name).resolve().parent}" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert "secret" not in str(caught.value)


def test_a_folder_that_was_named_is_read_and_no_other(folder: Path) -> None:
    allowed = file(folder, folder / "data")

    assert allowed.resolve("../data/rows.csv") == (folder / "data" / "rows.csv").resolve()
    with pytest.raises(ConfigError):
        allowed.resolve("../other/rows.csv")


def test_folders_are_kept_where_the_file_is_sent_to_workers(folder: Path) -> None:
    assert file(folder, folder / "data").model_copy(deep=True).folders == (folder / "data",)


def test_folders_are_no_key_of_the_audit_file(folder: Path) -> None:
    path = folder / "audits" / "audit.toml"
    path.write_text(
        'folders = ["/"]\nname = "n"\n[model]\npredictions = { score = "p" }\noutput = "score"\ntask = "binary"\n[data]\nevaluate = "r"\n'
    )

    with pytest.raises(ConfigError, match="folders"):
        load_config(path)
