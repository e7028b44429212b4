"""What is installed fits together, and what is pinned can be installed by anyone."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distributions, version

from tests.architecture.source import ROOT

CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()


def _installed() -> set[str]:
    return {_normal(found.name) for found in distributions()}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_torchvision_is_not_installed() -> None:
    assert "torchvision" not in _installed()


def test_a_cpu_build_of_torch_has_no_gpu_packages_beside_it() -> None:
    gpu = {name for name in _installed() if name.startswith("nvidia-")}

    assert not (version("torch").endswith("+cpu") and gpu)


def test_constraints_are_exact_public_versions_and_nothing_else() -> None:
    assert [line for line in CONSTRAINTS if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line)] == []


def test_every_declared_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [*project["dependencies"], *(name for extra in project["optional-dependencies"].values() for name in extra)]

    names = {_normal(re.match(r"[A-Za-z0-9._-]+", requirement)[0]) for requirement in declared}

    assert names - {_normal(line.partition("==")[0]) for line in CONSTRAINTS} == set()
