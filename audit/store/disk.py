"""Writing that survives a crash, and a full disk told as a sentence."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit.errors import StoreError

PRIVATE = 0o700
"""Mode of every folder of the store: rows describe people."""


@contextmanager
def writing(path: Path, needed: int) -> Iterator[None]:
    """Turn an OSError of the body into a StoreError that names `path` and, on a full disk, the bytes `needed` and left."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(f"{path}: the disk is full: {needed:,} bytes were needed, {_free(path)}") from error
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error


def private_folder(path: Path) -> Path:
    """Create a folder, and what is missing above it, with mode 0700; returns it."""
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=PRIVATE, exist_ok=True)
    return path


def write_durably(path: Path, data: bytes) -> None:
    """Write a new file and wait until it is on the disk."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _free(path: Path) -> str:
    place = next((parent for parent in (path, *path.parents) if parent.exists()), Path("/"))
    return f"{shutil.disk_usage(place).free:,} are left"
