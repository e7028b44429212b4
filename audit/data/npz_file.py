"""Arrays of an npz file, without pickles and within bounds."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audit.data import canonical
from audit.errors import DataError, nearest

_LIMIT = 2 * 2**30
"""Bytes an npz file may take once it is unpacked."""


def read_arrays(path: Path, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The `wanted` arrays; raises DataError for a file that is not there, is no npz, holds pickles or more than 2 GiB, or lacks an array."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(item.file_size for item in archive.infolist())
            if size > _LIMIT:
                raise DataError(f"{path}: {size / 2**30:.1f} GiB unpacked; at most 2 GiB are read")
        with np.load(path, allow_pickle=False) as arrays:
            for key in wanted:
                if key not in arrays.files:
                    raise DataError(f"{path}: there is no array {key!r}: {nearest(key, arrays.files)}")
            return {key: arrays[key] for key in wanted}
    except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(
            f"{path}: cannot be read as npz without pickles: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from None


def array_column(values: NDArray[Any]) -> NDArray[Any]:
    """A one-dimensional array as a raw column: float64, or objects of text."""
    if values.dtype.kind in "uif":
        return values.astype(np.float64)
    return canonical.object_array(canonical.texts(pa.array(values)))


def array_names(path: Path) -> tuple[str, ...]:
    """Names of the arrays of an npz file; raises DataError for a file that is none."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return tuple(arrays.files)
    except (ValueError, OSError, zipfile.BadZipFile, EOFError, AttributeError) as error:
        raise DataError(f"{path}: cannot be read as npz without pickles: {(str(error).splitlines() or [type(error).__name__])[0]}") from None
