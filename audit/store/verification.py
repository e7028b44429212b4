"""Holds a run folder against its manifest: changed, missing, unexpected files, links."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from audit.store.manifest import MANIFEST, Entry, entry_of, parse_manifest

Kind = Literal["changed", "missing", "unexpected", "symlink", "special", "unreadable", "renamed"]
UNSIGNED = "an unsigned manifest detects corruption, not authorship"


class Problem(NamedTuple):
    """One file that differs from the seal."""

    file: str
    """Path below the run folder."""
    kind: Kind


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The outcome of holding a run against its manifest."""

    path: Path
    files: int
    """Files checked."""
    problems: tuple[Problem, ...]
    digest: str
    """SHA-256 of the manifest file, to be compared with one kept elsewhere; empty when the manifest could not be read."""
    note: str = UNSIGNED
    """What the outcome cannot show: who edits files and manifest together is not noticed unless the digest is compared."""

    @property
    def ok(self) -> bool:
        """Whether every file matches the manifest and nothing was added."""
        return not self.problems


def verify_folder(folder: Path, *, run: str | None = None) -> Verification:
    """Check every file of a run; with `run`, also that the manifest was made for that id. Never follows links, never raises for content."""
    data = _manifest_bytes(folder)
    if isinstance(data, str):
        return Verification(path=folder, files=0, problems=(Problem(MANIFEST, data),), digest="")
    address = hashlib.sha256(data).hexdigest()
    try:
        manifest = parse_manifest(data)
    except ValueError:
        return Verification(path=folder, files=0, problems=(Problem(MANIFEST, "changed"),), digest=address)
    problems = list(_differences(folder, manifest.files))
    if run is not None and manifest.run != run:
        problems.append(Problem(MANIFEST, "renamed"))
    return Verification(path=folder, files=len(manifest.files), problems=tuple(sorted(problems)), digest=address)


def _manifest_bytes(folder: Path) -> bytes | Kind:
    path = folder / MANIFEST
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            return "symlink" if stat.S_ISLNK(mode) else "special"
        return path.read_bytes()
    except FileNotFoundError:
        return "missing"
    except OSError:
        return "unreadable"


def _differences(folder: Path, sealed: dict[str, Entry]) -> Iterator[Problem]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    folders = {parent.as_posix() for name in sealed for parent in Path(name).parents}
    yield from (Problem(name, "missing") for name in sealed if name not in found)
    for name, path in found.items():
        kind = None if name == MANIFEST else _difference(path, sealed.get(name), is_folder=name in folders)
        if kind is not None:
            yield Problem(name, kind)


def _difference(path: Path, entry: Entry | None, *, is_folder: bool) -> Kind | None:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return "symlink"
        if stat.S_ISDIR(mode):
            return None if is_folder else "unexpected"
        if not stat.S_ISREG(mode):
            return "special"
        if entry is None:
            return "unexpected"
        return None if path.lstat().st_size == entry.size and entry_of(path) == entry else "changed"
    except OSError:
        return "unreadable"
