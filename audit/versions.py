"""Versions of what a run was made with, and the digest of the engine's own source."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("netassay", "torch", "numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "shap", "captum", "lime", "fairlearn")
NOT_MEASURING = ("checks", "cli", "proposal")
"""Folders whose code cannot change a measured number: a new check recomputes nothing."""


def library_versions() -> dict[str, str]:
    """Python and library versions; libraries that are not installed are left out."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def engine_digest() -> str:
    """sha256 over the source of everything that can change a measured number, so that a new version never reuses old blocks."""
    folder = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        place = path.relative_to(folder)
        if place.parts[0] not in NOT_MEASURING:
            digest.update(str(place).encode() + b"\0" + path.read_bytes() + b"\0")
    for name in ("torch", "numpy", "scipy"):
        digest.update(library_versions().get(name, "").encode())
    return digest.hexdigest()
