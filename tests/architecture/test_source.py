"""Rules that a linter has no word for, held over our own source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, attributes, calls, imported, modules, name_of

DEVICE_METHODS = {"cuda", "eval", "to"}
TORCH_NAMES = ("torch.load", "torch.no_grad", "torch.inference_mode", "torch.cuda", "torch.jit.load", "torch.export.load")
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}


def _outside_models() -> list[Path]:
    return [path for path in modules("audit", "reports", "dashboards") if not name_of(path).startswith("audit/models/")]


def test_only_the_models_floor_moves_networks_or_changes_their_mode() -> None:
    found = [f"{name_of(path)}:{call.lineno} {name}" for path in _outside_models() for name, call in calls(path) if _is_device_call(name)]

    assert found == []


def _is_device_call(name: str) -> bool:
    owner, _, method = name.rpartition(".")
    return method in DEVICE_METHODS and bool(owner or name.startswith("."))


def test_only_the_models_floor_loads_files_and_sets_gradient_modes() -> None:
    found = [
        f"{name_of(path)} {name}"
        for path in _outside_models()
        for name in {*attributes(path), *imported(path)}
        if any(name == banned or name.startswith(banned + ".") for banned in TORCH_NAMES)
    ]

    assert found == []


def test_nothing_loads_a_pickle() -> None:
    libraries = {"pickle", "dill", "joblib", "cloudpickle", "marshal", "shelve"}
    readers = {"load", "loads", "open", "Unpickler"}
    found = [
        f"{name_of(path)}:{call.lineno} {name}"
        for path in modules()
        for name, call in calls(path)
        if name.split(".")[0] in libraries and name.split(".")[-1] in readers
    ]
    found += [name_of(path) for path in modules() if {f"{library}.{reader}" for library in libraries for reader in readers} & imported(path)]

    assert found == []


@pytest.mark.parametrize(("library", "home"), [("jinja2", "reports/"), ("streamlit", "dashboards/"), ("typer", "audit/cli/")])
def test_a_library_for_people_is_imported_only_where_people_are_served(library: str, home: str) -> None:
    found = [name_of(path) for path in modules() if library in {n.split(".")[0] for n in imported(path)} and not name_of(path).startswith(home)]

    assert found == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    found = [name_of(path) for path in [*modules(), *(ROOT / "tests").rglob("*.py")] if path.stem.removeprefix("test_") in VAGUE]

    assert found == []


def test_every_module_says_what_it_is() -> None:
    found = [name_of(path) for path in modules("audit", "reports") if path.stem != "__init__" and not _docstring(path)]

    assert found == []


def _docstring(path: Path) -> str | None:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
