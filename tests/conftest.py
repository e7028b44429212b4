"""What holds for all tests: a folder that the processes of one session share."""

from __future__ import annotations

import os
from shutil import rmtree
from tempfile import mkdtemp

import pytest

from tests.contract.audited import SHARED


def pytest_configure(config: pytest.Config) -> None:
    """Made by the first process; those that it starts inherit the name."""
    if SHARED not in os.environ:
        os.environ[SHARED] = mkdtemp(prefix="netassay-tests-")
        config.add_cleanup(lambda: rmtree(os.environ.pop(SHARED), ignore_errors=True))
