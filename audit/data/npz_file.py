"""Arrays of an npz file, without pickles and within bounds."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audit.data import canonical
from audit.errors import DataError, nearest

LIMIT = 2 * 2**30
"""Bytes an npz file may take once it is unpacked."""
_HEADER = 4096
"""Bytes of the header of an array, which says its type and shape."""


def array_names(path: Path) -> tuple[str, ...]:
    """Names of the arrays of an npz file; raises DataError as `read_arrays` does."""
    with _members(path) as (_, held):
        return tuple(held)


def read_arrays(path: Path, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The `wanted` arrays; raises DataError for a file that is not there, is no npz, holds pickles or more than 2 GiB, or lacks an array."""
    with _members(path) as (archive, held):
        for key in wanted:
            if key not in held:
                raise DataError(f"{path}: there is no array {key!r}: {nearest(key, held)}")
        return {key: _array(archive, held[key]) for key in wanted}


def array_column(values: NDArray[Any]) -> NDArray[Any]:
    """A one-dimensional array as a raw column: float64, or objects of text."""
    if values.dtype.kind in "uif":
        return values.astype(np.float64)
    return canonical.object_array(canonical.texts(pa.array(values)))


@contextmanager
def _members(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    """The open archive and its members by the names of their arrays; every way of being no such file becomes one DataError."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(item.file_size for item in archive.infolist())
            if size > LIMIT:
                raise DataError(f"{path}: {size / 2**30:.1f} GiB unpacked; at most {LIMIT / 2**30:.0f} GiB are read")
            yield archive, {item.filename.removesuffix(".npy"): item for item in archive.infolist()}
    except (ValueError, OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, MemoryError) as error:
        raise DataError(f"{path}: cannot be read as npz without pickles: {(str(error).splitlines() or [type(error).__name__])[0]}") from None


def _array(archive: zipfile.ZipFile, item: zipfile.ZipInfo) -> NDArray[Any]:
    """One array; its header must claim no more than the archive says the member holds, since room is made before anything is read."""
    with archive.open(item) as member:
        start = io.BytesIO(member.read(_HEADER))
        version = np.lib.format.read_magic(start)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(start)
        if dtype.hasobject:
            raise ValueError("Object arrays cannot be loaded when allow_pickle=False")
        claimed = dtype.itemsize * int(np.prod(shape, dtype=object))
        if claimed > item.file_size:
            raise ValueError(f"array {item.filename!r} claims {claimed:,} bytes and has at most {item.file_size:,}")
    with archive.open(item) as member:
        return np.asarray(np.lib.format.read_array(member, allow_pickle=False))
