"""Imports an architecture factory, only from installed packages or from folders the user named; says which source files were used."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from audit.errors import ModelError, UntrustedFileError, nearest


@dataclass(frozen=True)
class Built:
    """A module and the source files (path → sha256) its factory came from."""

    module: nn.Module
    sources: Mapping[str, str]


def build(reference: str, arguments: Mapping[str, Any], code: Sequence[Path]) -> Built:
    """Call ``package.module:factory`` with `arguments`.

    Raises ModelError in one line when the module, the factory or its result is wrong, UntrustedFileError when the code lies neither in an
    installed package nor in a folder of `code`.
    """
    name, colon, attribute = reference.partition(":")
    if not colon or not name or not attribute:
        raise ModelError(f"model.architecture is {reference!r}; expected package.module:factory")
    with _importable(code):
        module = _import(name, code)
        factory = getattr(module, attribute, None)
        if not callable(factory):
            public = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
            raise ModelError(f"{name} has no factory {attribute!r}: {nearest(attribute, public)}")
        try:
            built = factory(**arguments)
        except Exception as error:
            raise ModelError(f"the factory {reference} raised {type(error).__name__}: {error}") from error
    if not isinstance(built, nn.Module):
        raise ModelError(f"the factory {reference} returned a {type(built).__name__}; expected a torch nn.Module")
    return Built(built, _sources(name))


@contextmanager
def _importable(code: Sequence[Path]) -> Iterator[None]:
    before = list(sys.path)
    sys.path[:0] = [str(folder) for folder in code]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before


def _import(name: str, code: Sequence[Path]) -> ModuleType:
    allowed = [*code, *_installed()]
    for prefix in _prefixes(name):
        _refuse_unless_allowed(prefix, allowed)
        try:
            importlib.import_module(prefix)
        except ModuleNotFoundError as error:
            raise ModelError(f"there is no module {error.name!r} in the installed packages or the --code folders (model.architecture)") from error
        except Exception as error:
            raise ModelError(f"importing {prefix} raised {type(error).__name__}: {error}") from error
    return sys.modules[name]


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: i + 1]) for i in range(len(parts))]


def _refuse_unless_allowed(name: str, allowed: Sequence[Path]) -> None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError) as error:
        raise ModelError(f"module {name!r} cannot be found: {error}") from error
    if spec is None:
        raise ModelError(f"there is no module {name!r} in the installed packages or the --code folders (model.architecture)")
    places = [spec.origin] if spec.origin not in (None, "namespace", "built-in", "frozen") else list(spec.submodule_search_locations or [])
    for place in places:
        path = Path(str(place)).resolve()
        if not any(path.is_relative_to(folder.resolve()) for folder in allowed):
            raise UntrustedFileError(
                f"the code of {name} lies in {path}, which is neither an installed package nor a trusted folder; add --code FOLDER if you trust it"
            )


def _installed() -> list[Path]:
    return [Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib", "stdlib")]


def _sources(name: str) -> dict[str, str]:
    root = name.split(".")[0]
    found = {}
    for module_name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if (module_name == name or module_name.startswith(f"{root}.")) and file and file.endswith(".py"):
            found[module_name] = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    return {key: value for key, value in found.items() if key == name or name.startswith(key + ".")}
