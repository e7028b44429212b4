"""Imports ``package.module:name`` from trusted places only, and tells which source files it is made from."""

from __future__ import annotations

import ast
import hashlib
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType
from typing import Any

from audit.errors import ModelError, nearest
from audit.models.import_paths import allow, is_own_code, require_allowed


@dataclass(frozen=True)
class NamedFunction:
    """Something callable and the module it was named in."""

    function: Callable[..., Any]
    home: ModuleType


def import_named(named: str, *, key: str, kind: str, code: Sequence[Path] = ()) -> NamedFunction:
    """What ``package.module:name`` stands for; call it within `importable(code)`.

    `key` of the audit file and `kind` of thing serve the messages. Its module must belong to an installed distribution or lie in a folder
    of `code`; the current folder counts for nothing. Raises ModelError in one line: no such module or name (with the nearest), an
    untrusted place, an import that fails.
    """
    module, separator, attribute = named.partition(":")
    if not separator or not all(part.isidentifier() for part in [*module.split("."), attribute]):
        raise ModelError(f"{key} {named!r} is not of the form package.module:{kind}")
    for folder in code:
        if not folder.is_dir():
            raise ModelError(f"--code {folder} is no folder")
    home = _import(module, named, code)
    return NamedFunction(_attribute(home, attribute, named, kind), home)


def sources(home: ModuleType, further: Iterable[str] = (), *, code: Sequence[Path] = ()) -> dict[str, str]:
    """sha256 by name of the modules reached from `home` and from those named in `further`, installed packages other than that of `home` left out."""
    waiting = [home.__name__, *further]
    found: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        if name in found or module is None or (name.partition(".")[0] == "torch" and module is not home):
            continue
        file = getattr(module, "__file__", None)
        if file is None or not Path(file).is_file():
            continue
        content = Path(file).read_bytes()
        found[name] = hashlib.sha256(content).hexdigest()
        waiting += [reached for reached in _reached(module) | _imported(content, module) if _belongs(reached, home, code)]
    return dict(sorted(found.items()))


def told(error: Exception) -> str:
    """An exception of foreign code in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _import(name: str, named: str, code: Sequence[Path]) -> ModuleType:
    allow(name.partition(".")[0], code, named=named)
    try:
        home = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise ModelError(f"{named}: there is no module {error.name!r} {_places(code)}: {_hint(error.name, code)}") from error
        raise ModelError(f"{named}: importing {name} needs module {error.name!r}, which was not found; see --code") from error
    except Exception as error:  # code of the user may raise anything
        raise ModelError(f"{named}: importing {name} failed: {told(error)}") from error
    require_allowed(home, code, named=named)
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


def _attribute(home: ModuleType, attribute: str, named: str, kind: str) -> Callable[..., Any]:
    if not hasattr(home, attribute):
        own = [name for name, value in vars(home).items() if callable(value) and not name.startswith("_")]
        raise ModelError(f"{named}: module {home.__name__} has no {attribute!r}: {nearest(attribute, own)}")
    found = getattr(home, attribute)
    if not callable(found):
        raise ModelError(f"{named}: {attribute!r} is a {type(found).__name__}, not a {kind}")
    return found  # type: ignore[no-any-return]


def _reached(module: ModuleType) -> set[str]:
    names = {value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None) for value in vars(module).values()}
    return {name for name in names if isinstance(name, str)}


def _imported(content: bytes, module: ModuleType) -> set[str]:
    """Names in the import statements of a source, also of what leaves no trace in the module, such as a number; some may be no modules."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return set()  # compiled code has no statements to read
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = (module.__package__ or "").split(".")
            parent = ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])]) if node.level else node.module
            names |= {str(parent), *(f"{parent}.{alias.name}" for alias in node.names)}
    return names


def _belongs(name: str, home: ModuleType, code: Sequence[Path]) -> bool:
    top = name.partition(".")[0]
    if top == "torch" or name not in sys.modules:
        return False
    file = getattr(sys.modules[name], "__file__", None)
    own = top == home.__name__.partition(".")[0]
    return own or (file is not None and is_own_code(Path(file), code))
