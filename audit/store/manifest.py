"""The seal: SHA-256 and size of every file of a run, in canonical JSON. Unsigned, it detects corruption, not authorship."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from audit.errors import StoreError

MANIFEST = "MANIFEST.json"
SCHEMA = 1
CHUNK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """One sealed file."""

    sha256: str
    size: int
    """Bytes."""


@dataclass(frozen=True)
class Manifest:
    """What was sealed: the run's id, and each file's path with its entry."""

    run: str
    files: dict[str, Entry]

    def render(self) -> bytes:
        """Canonical bytes: keys and files sorted, no spaces, ASCII."""
        files = {path: {"bytes": entry.size, "sha256": entry.sha256} for path, entry in self.files.items()}
        raw = {"schema": SCHEMA, "run": self.run, "files": files}
        return (json.dumps(raw, sort_keys=True, separators=(",", ":")) + "\n").encode()


def parse_manifest(data: bytes) -> Manifest:
    """The inverse of `render`; raises ValueError for anything that `render` did not write."""
    try:
        raw = json.loads(data)
        files = {str(path): Entry(str(item["sha256"]), int(item["bytes"])) for path, item in raw["files"].items()}
        manifest = Manifest(str(raw["run"]), files)
    except (KeyError, TypeError, AttributeError, RecursionError, ValueError) as error:
        raise ValueError(f"{MANIFEST} is not a manifest: {error}") from error
    if manifest.render() != data:
        raise ValueError(f"{MANIFEST} is not in canonical form, so it was edited")
    return manifest


def take_manifest(run: str, folder: Path) -> Manifest:
    """Hash every file below `folder` and wait until each is on the disk; raises StoreError for a link or special file."""
    files = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            files[path.relative_to(folder).as_posix()] = _entry(path, sync=True)
        elif not stat.S_ISDIR(mode):
            raise StoreError(f"{path}: only plain files can be sealed")
    return Manifest(run, files)


def entry_of(path: Path) -> Entry:
    """Hash and size of one file, never through a link; raises OSError."""
    return _entry(path, sync=False)


def _entry(path: Path, *, sync: bool) -> Entry:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(handle, "rb") as file:
        if sync:
            os.fsync(handle)
        return _hashed(file)


def _hashed(file: BinaryIO) -> Entry:
    hasher, size = hashlib.sha256(), 0
    while chunk := file.read(CHUNK):
        hasher.update(chunk)
        size += len(chunk)
    return Entry(hasher.hexdigest(), size)
