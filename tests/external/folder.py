"""Where real data that nobody here made lies, and how its tests skip without it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("NETASSAY_EXTERNAL_DATA", "../shared/data"))


def external(name: str) -> Path:
    """The file of that name; skips the test, with the reason, where it is absent."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"{name} is not in {FOLDER}; name a folder that holds it in NETASSAY_EXTERNAL_DATA")
    return path.resolve()
