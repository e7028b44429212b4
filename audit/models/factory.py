"""Builds an architecture: imports ``package.module:factory`` from trusted places only, and remembers the source files it is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from audit.errors import ModelError
from audit.models.import_paths import importable
from audit.models.named_function import import_named, sources, told


@dataclass(frozen=True)
class Built:
    """A network as its factory returned it, and the sha256 of each source file it is made from, by module name."""

    module: nn.Module
    sources: Mapping[str, str]


def build(architecture: str, arguments: Mapping[str, Any], *, code: Sequence[Path] = ()) -> Built:
    """Import and call the factory.

    Its module must belong to an installed distribution or lie in a folder of `code`; the current folder counts for nothing. Raises
    ModelError in one line: no such module or name (with the nearest), an untrusted place, a factory that raises or returns no nn.Module.
    """
    with importable(code):
        found = import_named(architecture, key="architecture", kind="factory", code=code)
        network = _call(found.function, arguments, architecture)
    return Built(network, sources(found.home, [type(part).__module__ for part in network.modules()], code=code))


def _call(factory: Callable[..., Any], arguments: Mapping[str, Any], architecture: str) -> nn.Module:
    try:
        network = factory(**arguments)
    except Exception as error:  # code of the user may raise anything
        raise ModelError(f"{architecture}: the factory failed: {told(error)}") from error
    if not isinstance(network, nn.Module):
        raise ModelError(f"{architecture}: the factory returned {type(network).__name__}; expected an nn.Module")
    if any(is_lazy(parameter) for parameter in network.parameters()):
        raise ModelError(f"{architecture}: the network has lazy layers, whose sizes are unknown; state their sizes in the factory")
    return network
