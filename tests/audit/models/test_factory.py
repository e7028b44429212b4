"""Factories are imported from trusted places only, and every mistake is told in one line."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from audit.errors import ModelError
from audit.models import import_paths
from audit.models.factory import build

GOOD = """
from torch import nn
def build(width=2):
    return nn.Linear(width, 1)
def raises():
    raise ValueError("no\\nwidth")
def words():
    return "network"
def lazy():
    return nn.LazyLinear(1)
number = 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with networks; what is imported from it is forgotten afterwards."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before, path = set(sys.modules), list(sys.path)
    (tmp_path / "netassay_try.py").write_text(GOOD)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("netassay_try"):
            del sys.modules[name]
    assert sys.path == path


def test_a_folder_that_was_named_may_be_imported_from(folder: Path) -> None:
    built = build("netassay_try:build", {"width": 5}, code=[folder])

    assert built.module.in_features == 5
    assert built.sources == {"netassay_try": hashlib.sha256(GOOD.encode()).hexdigest()}


def test_installed_and_editable_packages_may_be_imported_from() -> None:
    built = build("sample_models.lending.model:build", {"inputs": 4, "hidden": [3]})

    assert built.module[0].in_features == 4
    assert list(built.sources) == ["sample_models.lending.model"]
    assert isinstance(build("torch.nn:Linear", {"in_features": 2, "out_features": 1}).module, nn.Linear)


@pytest.mark.parametrize("entry", ["", "folder"])
def test_the_current_folder_is_not_imported_from_and_none_of_its_code_runs(folder: Path, monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    (folder / "netassay_try_canary.py").write_text(f"import pathlib\npathlib.Path({str(folder / 'ran')!r}).touch()\n" + GOOD)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder) if entry else "")

    with pytest.raises(ModelError, match="there is no module 'netassay_try_canary'"):
        build("netassay_try_canary:build", {})

    assert not (folder / "ran").exists()
    monkeypatch.undo()


def test_a_folder_on_the_path_that_was_not_named_is_refused_before_its_code_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "netassay_try_canary.py").write_text(f"import pathlib\npathlib.Path({str(folder / 'ran')!r}).touch()\n" + GOOD)
    monkeypatch.syspath_prepend(str(folder))

    with pytest.raises(ModelError, match=f"--code {folder}"):
        build("netassay_try_canary:build", {})

    assert not (folder / "ran").exists()
    monkeypatch.undo()


def test_sources_reach_what_the_factory_uses(folder: Path) -> None:
    (folder / "netassay_try_parts.py").write_text("from torch import nn\ndef half(x):\n    return x / 2\n")
    (folder / "netassay_try_main.py").write_text(
        "from netassay_try_parts import half\nfrom torch import nn\ndef build():\n    return nn.Identity()\n"
    )

    built = build("netassay_try_main:build", {}, code=[folder])

    assert list(built.sources) == ["netassay_try_main", "netassay_try_parts"]


@pytest.mark.parametrize("environment", [True, False])
def test_packages_installed_inside_the_folder_are_no_sources(folder: Path, monkeypatch: pytest.MonkeyPatch, environment: bool) -> None:
    """Where the folder of the code holds the environment as well, as most projects' do; a copy of a library that is no part of it is code."""
    installed = folder / "venv" / "lib" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "netassay_try_library.py").write_text("one = 1\n")
    (folder / "netassay_try_own.py").write_text("two = 2\n")
    (folder / "netassay_try_main.py").write_text(
        "from netassay_try_library import one\nfrom netassay_try_own import two\nfrom torch import nn\ndef build():\n    return nn.Identity()\n"
    )
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.setattr(import_paths, "package_folders", lambda: (installed.resolve(),) if environment else ())

    built = build("netassay_try_main:build", {}, code=[folder])

    assert list(built.sources) == [*([] if environment else ["netassay_try_library"]), "netassay_try_main", "netassay_try_own"]
    monkeypatch.undo()


def test_the_folders_of_packages_are_those_that_pytest_and_torch_came_from() -> None:
    assert all(any(Path(module.__file__).resolve().is_relative_to(held) for held in import_paths.package_folders()) for module in (pytest, torch))


def test_the_same_name_in_another_folder_is_read_anew(folder: Path) -> None:
    second = folder / "second"
    second.mkdir()
    (second / "netassay_try.py").write_text(GOOD.replace("width=2", "width=9"))
    first = build("netassay_try:build", {}, code=[folder])

    again = build("netassay_try:build", {}, code=[second])

    assert (first.module.in_features, again.module.in_features) == (2, 9)


@pytest.mark.parametrize(
    ("architecture", "arguments", "words"),
    [
        ("netassay_try", {}, "package.module:factory"),
        ("netassay_try:build:x", {}, "package.module:factory"),
        ("../netassay_try:build", {}, "package.module:factory"),
        ("netassay_tri:build", {}, "did you mean 'netassay_try'"),
        ("sample_models.lending.modl:build", {}, "did you mean 'sample_models.lending.model'"),
        ("netassay_try:biuld", {}, "did you mean 'build'"),
        ("netassay_try:number", {}, "int, not a factory"),
        ("netassay_try:raises", {}, "ValueError: no width"),
        ("netassay_try:build", {"depth": 3}, "TypeError.*depth"),
        ("netassay_try:words", {}, "returned str; expected an nn.Module"),
        ("netassay_try:lazy", {}, "lazy layers"),
    ],
)
def test_mistakes_are_told_in_one_line(folder: Path, architecture: str, arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        build(architecture, arguments, code=[folder])

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [("import netassay_absent", "needs module 'netassay_absent'"), ("1 / 0", "ZeroDivisionError"), ("def build(:", "SyntaxError")],
)
def test_a_module_that_cannot_be_imported_says_why(folder: Path, source: str, words: str) -> None:
    (folder / "netassay_try_broken.py").write_text(source)

    with pytest.raises(ModelError, match=words):
        build("netassay_try_broken:build", {}, code=[folder])


def test_a_folder_that_does_not_exist_is_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="is no folder"):
        build("netassay_try:build", {}, code=[folder / "absent"])


def test_a_module_that_is_nowhere_points_to_code_and_not_to_all_that_is_installed() -> None:
    with pytest.raises(ModelError, match="--code FOLDER") as caught:
        build("qqzzxx:build", {})

    assert len(str(caught.value)) < 200


def test_a_module_of_python_itself_is_no_network() -> None:
    with pytest.raises(ModelError, match="part of Python itself"):
        build("os:system", {})
