"""Builds an architecture: imports ``package.module:factory`` from trusted places only, and remembers the source files it is made from."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from audit.errors import ModelError, nearest
from audit.models.import_paths import allow, importable, require_allowed


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
    name, separator, attribute = architecture.partition(":")
    if not separator or not all(part.isidentifier() for part in [*name.split("."), attribute]):
        raise ModelError(f"architecture {architecture!r} is not of the form package.module:factory")
    for folder in code:
        if not folder.is_dir():
            raise ModelError(f"--code {folder} is no folder")
    with importable(code):
        home = _import(name, architecture, code)
        network = _call(_factory(home, attribute, architecture), arguments, architecture)
    return Built(network, _sources(home, network, code))


def _import(name: str, architecture: str, code: Sequence[Path]) -> ModuleType:
    allow(name.partition(".")[0], code, named=architecture)
    try:
        home = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise ModelError(f"{architecture}: there is no module {error.name!r} {_places(code)}: {_hint(error.name, code)}") from error
        raise ModelError(f"{architecture}: importing {name} needs module {error.name!r}, which was not found; see --code") from error
    except Exception as error:  # code of the user may raise anything
        raise ModelError(f"{architecture}: importing {name} failed: {_told(error)}") from error
    require_allowed(home, code, named=architecture)
    return home


def _places(code: Sequence[Path]) -> str:
    return f"among the installed packages or in {', '.join(map(str, code))}" if code else "among the installed packages"


def _hint(name: str, code: Sequence[Path]) -> str:
    """The nearest module where one is near; else how to name the folder. A list of all that is installed would help nobody."""
    close = nearest(name, _siblings(name, code))
    return close if close.startswith("did you mean") else "name the folder that holds it with --code FOLDER"


def _siblings(name: str, code: Sequence[Path]) -> list[str]:
    parent = name.rpartition(".")[0]
    if parent:
        return [f"{parent}.{found.name}" for found in pkgutil.iter_modules(sys.modules[parent].__path__)] if parent in sys.modules else []
    return [*(found.name for found in pkgutil.iter_modules([str(folder) for folder in code])), *packages_distributions()]


def _factory(home: ModuleType, attribute: str, architecture: str) -> Callable[..., Any]:
    if not hasattr(home, attribute):
        own = [name for name, value in vars(home).items() if callable(value) and not name.startswith("_")]
        raise ModelError(f"{architecture}: module {home.__name__} has no {attribute!r}: {nearest(attribute, own)}")
    factory = getattr(home, attribute)
    if not callable(factory):
        raise ModelError(f"{architecture}: {attribute!r} is a {type(factory).__name__}, not a factory")
    return factory  # type: ignore[no-any-return]


def _call(factory: Callable[..., Any], arguments: Mapping[str, Any], architecture: str) -> nn.Module:
    try:
        network = factory(**arguments)
    except Exception as error:  # code of the user may raise anything
        raise ModelError(f"{architecture}: the factory failed: {_told(error)}") from error
    if not isinstance(network, nn.Module):
        raise ModelError(f"{architecture}: the factory returned {type(network).__name__}; expected an nn.Module")
    if any(is_lazy(parameter) for parameter in network.parameters()):
        raise ModelError(f"{architecture}: the network has lazy layers, whose sizes are unknown; state their sizes in the factory")
    return network


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _sources(home: ModuleType, network: nn.Module, code: Sequence[Path]) -> dict[str, str]:
    """sha256 by name of the modules reached from the factory's own and from the classes of the layers, torch left out."""
    waiting = [home.__name__, *(type(part).__module__ for part in network.modules())]
    found: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        if name in found or module is None or (name.partition(".")[0] == "torch" and module is not home):
            continue
        file = getattr(module, "__file__", None)
        if file is None or not Path(file).is_file():
            continue
        found[name] = hashlib.sha256(Path(file).read_bytes()).hexdigest()
        waiting += [reached for reached in _reached(module) if _belongs(reached, home, code)]
    return dict(sorted(found.items()))


def _reached(module: ModuleType) -> set[str]:
    names = {value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None) for value in vars(module).values()}
    return {name for name in names if isinstance(name, str)}


def _belongs(name: str, home: ModuleType, code: Sequence[Path]) -> bool:
    top = name.partition(".")[0]
    if top == "torch" or name not in sys.modules:
        return False
    file = getattr(sys.modules[name], "__file__", None)
    own = top == home.__name__.partition(".")[0]
    return own or (file is not None and any(Path(file).resolve().is_relative_to(folder.resolve()) for folder in code))
