"""Finds checks and probes: every module below ``audit/checks`` and ``audit/probes``, and the entry points of other packages.

Probes are imported one at a time, when something asks for them, so that an audit without a network never loads torch.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType

from audit.check import Check
from audit.errors import ConfigError, nearest
from audit.probe import Probe


@cache
def checks() -> dict[str, Check]:
    """All checks by id, sorted."""
    found = [item for module in _modules("audit.checks") for item in vars(module).values() if isinstance(item, Check)]
    found += [point.load() for point in entry_points(group="netassay.checks")]
    return {item.id: item for item in sorted(found, key=lambda item: item.id)}


@cache
def probe_ids() -> tuple[str, ...]:
    """Ids of all probes, without importing them."""
    own = [name.removeprefix("audit.probes.") for name in _names("audit.probes")]
    return tuple(sorted(own + [point.name for point in entry_points(group="netassay.probes")]))


@cache
def probe(probe_id: str) -> Probe:
    """One probe by id; raises ConfigError with the nearest id when there is none."""
    if probe_id not in probe_ids():
        raise ConfigError(f"there is no probe {probe_id!r}: {nearest(probe_id, probe_ids())}")
    for point in entry_points(group="netassay.probes"):
        if point.name == probe_id:
            loaded: Probe = point.load()
            return loaded
    module = importlib.import_module(f"audit.probes.{probe_id}")
    return next(item for item in vars(module).values() if isinstance(item, Probe))


def family_needs(probe_id: str) -> frozenset[str]:
    """What every probe of the family needs, as its package says, without importing the probe itself."""
    family = f"audit.probes.{probe_id.rpartition('.')[0]}"
    if probe_id not in probe_ids() or importlib.util.find_spec(family) is None:
        return frozenset()
    needs: frozenset[str] = getattr(importlib.import_module(family), "NEEDS", frozenset())
    return needs


def check(check_id: str) -> Check:
    """One check by id; raises ConfigError with the nearest id when there is none."""
    if check_id not in checks():
        raise ConfigError(f"there is no check {check_id!r}: {nearest(check_id, checks())}")
    return checks()[check_id]


def _names(package: str) -> Iterator[str]:
    for info in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if not info.ispkg:
            yield info.name


def _modules(package: str) -> Iterator[ModuleType]:
    for name in _names(package):
        yield importlib.import_module(name)
