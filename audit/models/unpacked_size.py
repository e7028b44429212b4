"""Refuses an archive that would unpack to far more than its size, before anything of it is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

from audit.errors import ModelError, UntrustedFileError

LARGEST_RATIO = 100
LARGEST_SIZE = 2**30


def refuse_bomb(path: Path) -> None:
    """Raise UntrustedFileError when a zip file unpacks to more than `LARGEST_SIZE` bytes and `LARGEST_RATIO` times its size.

    A file that is no archive is left to its reader; a damaged archive raises ModelError.
    """
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ModelError(f"{path} cannot be read as an archive, it may be damaged: {error}") from error
    packed = path.stat().st_size
    if unpacked > LARGEST_SIZE and unpacked > LARGEST_RATIO * packed:
        raise UntrustedFileError(f"{path} has {packed} bytes and would unpack to {unpacked}; weights hardly compress, so it is refused")
