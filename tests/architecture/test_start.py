"""What starting the command line costs: counted in modules loaded, which does not depend on how busy the machine is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.source import ROOT

HEAVY = ("torch", "captum", "shap", "lime", "fairlearn", "sklearn", "scipy", "pandas", "matplotlib", "streamlit")


def _loaded(arguments: list[str]) -> set[str]:
    code = f"""
import sys
sys.argv = ["netassay", *{arguments!r}]
from audit.cli import main
try:
    main()
except SystemExit as stop:
    code = stop.code
sys.stderr.write("\\nLOADED " + " ".join(sorted({{name.split(".")[0] for name in sys.modules}})) + f" CODE {{code}}")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded, _, status = done.stderr.rpartition("LOADED ")[2].partition(" CODE ")
    assert status == "0"
    return set(loaded.split())


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["report", "--help"]], ids=" ".join)
def test_help_loads_no_heavy_library(arguments: list[str]) -> None:
    assert _loaded(arguments).isdisjoint(HEAVY)


NEEDED_BY_FEW = {
    "captum",
    "shap",
    "lime",
    "fairlearn",
    "sklearn",
    "scipy.stats",
    "scipy.optimize",
    "matplotlib",
    "streamlit",
    "numba",
    "torch._dynamo",
}


@pytest.mark.parametrize(
    ("asked", "found", "more"),
    [
        ("discovery.checks()", "audit.checks.fairness.four_fifths", {"torch"}),
        ("[discovery.probe(name) for name in discovery.probe_ids()]", "audit.probes.attribution.shapley", set()),
    ],
    ids=["checks", "probes"],
)
def test_the_catalogue_loads_no_library_that_few_need(asked: str, found: str, more: set[str]) -> None:
    code = f"import sys; from audit import discovery; {asked}; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())

    assert found in loaded
    assert loaded.isdisjoint(NEEDED_BY_FEW | more)
