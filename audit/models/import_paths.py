"""Where code may be imported from: installed distributions, editable projects, and the folders a person named. Never the current folder."""

from __future__ import annotations

import importlib.machinery
import importlib.metadata
import importlib.util
import json
import site
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlparse

from audit.errors import ModelError


@cache
def package_folders() -> tuple[Path, ...]:
    """The folders from which this Python takes installed packages."""
    user = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    found = {*(sysconfig.get_paths()[key] for key in ("purelib", "platlib")), *site.getsitepackages(), *user}
    return tuple(sorted(Path(folder).resolve() for folder in found))


def installed_roots() -> tuple[Path, ...]:
    """The folders of installed packages and of projects installed as editable."""
    sites = {Path(sysconfig.get_paths()[key]).resolve() for key in ("purelib", "platlib")}
    editable = {root for found in importlib.metadata.distributions(path=[str(site) for site in sites]) if (root := _editable_root(found))}
    return tuple(sorted(sites | editable))


def _editable_root(found: importlib.metadata.Distribution) -> Path | None:
    direct = json.loads(found.read_text("direct_url.json") or "{}")
    if not direct.get("dir_info", {}).get("editable"):
        return None
    return Path(unquote(urlparse(direct["url"]).path)).resolve()


@contextmanager
def importable(code: Sequence[Path]) -> Iterator[None]:
    """`sys.path` with the folders of `code` first and without the current folder, unless that is installed."""
    before, roots = list(sys.path), installed_roots()
    here = Path.cwd().resolve()
    sys.path[:] = [*map(str, code), *(entry for entry in before if entry and (Path(entry).resolve() != here or here in roots))]
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before


def allow(top: str, code: Sequence[Path], *, named: str) -> None:
    """Refuse, before any of its code runs, a top-level module outside the installed ones and `code`; called within `importable`.

    A module of the same name that an earlier call left from another folder is forgotten. Raises ModelError.
    """
    spec = _on_disk(top, code)
    if spec is None:
        return
    places = module_places(spec)
    folders = [folder.resolve() for folder in code]
    if not places or not all(_within(place, (*folders, *installed_roots())) for place in places):
        if not places:
            raise ModelError(f"{named}: module {top!r} is part of Python itself; expected a package of yours that builds the network")
        where = places[0].parent
        raise ModelError(f"{named}: module {top!r} is in {where}, which is not installed; trust its code with --code {where}")
    held = sys.modules.get(top)
    if held is not None and held.__spec__ is not None and module_places(held.__spec__) != places:
        _forget(top, held.__spec__, named)


def _on_disk(top: str, code: Sequence[Path]) -> importlib.machinery.ModuleSpec | None:
    """The spec as a fresh import would find it: the folders of `code` first, whatever is loaded under the name."""
    own = importlib.machinery.PathFinder.find_spec(top, [str(folder) for folder in code]) if code else None
    if own is not None:
        return own
    for finder in sys.meta_path:
        found = finder.find_spec(top, None)
        if found is not None:
            return found
    return None


def _forget(top: str, spec: importlib.machinery.ModuleSpec, named: str) -> None:
    if top in sys.stdlib_module_names or any(_within(place, installed_roots()) for place in module_places(spec)):
        raise ModelError(f"{named}: an installed package is called {top!r} as well; give the module in --code another name")
    for name in [name for name in sys.modules if name == top or name.startswith(f"{top}.")]:
        del sys.modules[name]


def module_places(spec: importlib.machinery.ModuleSpec) -> list[Path]:
    """The file of a module, or the folders of a namespace package; empty for built-in modules."""
    if spec.origin not in {None, "built-in", "frozen", "namespace"} and spec.has_location:
        return [Path(str(spec.origin)).resolve()]
    return [Path(folder).resolve() for folder in spec.submodule_search_locations or ()]


def require_allowed(module: ModuleType, code: Sequence[Path], *, named: str) -> Path:
    """The file of an imported module; raises ModelError when it lies outside the installed ones and `code`."""
    if module.__file__ is None:
        raise ModelError(f"{named}: module {module.__name__!r} has no file")
    file = Path(module.__file__).resolve()
    if not _within(file, (*(folder.resolve() for folder in code), *installed_roots())):
        raise ModelError(f"{named}: {file} is not installed; trust its code with --code {file.parent}")
    return file


def is_own_code(file: Path, code: Sequence[Path]) -> bool:
    """Whether a file lies in a folder of `code`, and not among the installed packages where their environment is kept in that folder."""
    resolved = file.resolve()
    around = [folder.resolve() for folder in code if resolved.is_relative_to(folder.resolve())]
    return any(not any(resolved.is_relative_to(held) and held.is_relative_to(folder) for held in package_folders()) for folder in around)


def _within(path: Path, roots: Sequence[Path]) -> bool:
    return any(path.is_relative_to(root) for root in roots)
