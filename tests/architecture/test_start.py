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
