"""Packages that only some audits need: loaded when their door is opened."""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import Any

from audit.errors import ModelError


def optional_package(name: str, *, extra: str) -> Any:
    """The module `name`; raises ModelError, naming the extra of Netassay that brings it, when it is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != name.partition(".")[0]:
            raise
        raise ModelError(f"model.{extra} needs the package {error.name}, which is not installed: pip install 'netassay[{extra}]'") from error


def version_of(distribution: str) -> str:
    """Installed version of a distribution."""
    return version(distribution)
