"""Where an image is whose name a table gives: inside one folder, never beside it, whatever the name says or links to."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from audit.errors import DataError

LARGEST_FILE = 256 * 2**20
"""Bytes of one image file."""


def image_path(folder: Path, name: str) -> Path:
    """The file of an image; raises DataError, which says what is wrong with the name, for one that leaves the `folder` or is not there."""
    if "\0" in name or not name.strip():
        raise DataError("is no file name")
    if "\\" in name or PureWindowsPath(name).drive:
        raise DataError("has a separator or drive of Windows; write folders with '/', relative to the folder of the images")
    if name.startswith("/") or ".." in name.split("/"):
        raise DataError(f"leaves the folder of the images, {folder}; names are relative to it and do without '..'")
    try:
        found = (folder / name).resolve(strict=True)
    except FileNotFoundError:
        raise DataError(f"is not there; looked in {folder}") from None
    except (OSError, RuntimeError) as error:
        raise DataError(f"cannot be found: {_reason(error)}") from None
    if not found.is_relative_to(folder.resolve()):
        raise DataError(f"leads out of the folder of the images, {folder}, by a link; copy what it leads to")
    if not found.is_file():
        raise DataError("is no file")
    return found


def image_bytes(folder: Path, name: str) -> bytes:
    """What the file of an image holds; raises DataError as `image_path` does, and for a file that cannot be read or is very large."""
    path = image_path(folder, name)
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise DataError(f"takes {size / 2**20:.0f} MiB; at most {LARGEST_FILE // 2**20} MiB are read")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
