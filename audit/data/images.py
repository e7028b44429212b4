"""`ImageDataset`, images with their labels and groups in one npz file."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audit.data import canonical
from audit.data.dataset import RowBlock
from audit.data_config import ImageConfig
from audit.errors import DataError, nearest

_LIMIT = 2 * 2**30
"""Bytes an npz file may take once it is unpacked."""
_MAX_CHANNELS = 4
"""Channels of an axis that is taken for that of the channels when nothing is declared."""
_HEADER = 4096
"""Bytes of the header of an array, which says its type and shape."""


@dataclass(frozen=True)
class ImageDataset:
    """Images as a `Dataset`; made by `open_images`. `values` are held as stored, one block at a time becomes float32."""

    path: Path
    name: str
    array: str
    images: NDArray[Any]
    """(n, channels, height, width), or (n, height, width, channels) where the network takes channels last; values as stored."""
    others: Mapping[str, NDArray[Any]]
    digest: str

    @property
    def n_rows(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image, in the order the network takes."""
        return tuple(self.images.shape[1:])

    @property
    def largest(self) -> None:
        """Largest value that an image can have: none is declared by an array."""

    @property
    def columns(self) -> Sequence[str]:
        """All columns that can be read."""
        return (self.array, *self.others)

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """Rows in order, `size` at a time (the last block may be shorter)."""
        for start in range(0, self.n_rows, size):
            yield self.take(np.arange(start, min(start + size, self.n_rows), dtype=np.int64))

    def take(self, positions: NDArray[np.int64]) -> RowBlock:
        """The rows at sorted, unique `positions`."""
        others = {name: values[positions] for name, values in self.others.items()}
        return RowBlock(positions, {self.array: self.images[positions].astype(np.float32), **others})


def open_images(path: Path, *, name: str, config: ImageConfig, extra: Sequence[str]) -> ImageDataset:
    """Images and the `extra` one-dimensional arrays of an npz file.

    Images are (n, h, w), (n, h, w, c) or (n, c, h, w), as ``config.layout`` says; without it the axis of at most 4 channels is found where
    there is exactly one. Raises DataError for a file that is not there, is no npz, holds pickles or more than 2 GiB, for arrays that are
    absent, of another length, or not finite, and for axes that can be read in two ways.
    """
    held = _load(path, [config.array, *extra])
    images = _ordered(path, config, held[config.array])
    if len(images) == 0:
        raise DataError(f"{path}: array {config.array!r} holds no images")
    if not np.isfinite(images).all():
        raise DataError(f"{path}: array {config.array!r} holds values that are not finite")
    for key in extra:
        if held[key].shape != (len(images),):
            raise DataError(f"{path}: array {key!r} has shape {held[key].shape}; expected ({len(images)},), one value per image")
    others = {key: _column(held[key]) for key in extra}
    return ImageDataset(path, name, config.array, images, others, _digest({config.array: images} | {key: held[key] for key in extra}))


def _load(path: Path, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(item.file_size for item in archive.infolist())
            if size > _LIMIT:
                raise DataError(f"{path}: {size / 2**30:.1f} GiB unpacked; at most {_LIMIT / 2**30:.0f} GiB are read")
            held = {item.filename.removesuffix(".npy"): item for item in archive.infolist()}
            for key in wanted:
                if key not in held:
                    raise DataError(f"{path}: there is no array {key!r}: {nearest(key, held)}")
            return {key: _array(archive, held[key]) for key in wanted}
    except (ValueError, OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, MemoryError) as error:
        raise DataError(
            f"{path}: cannot be read as npz without pickles: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from None


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


def _ordered(path: Path, config: ImageConfig, images: NDArray[Any]) -> NDArray[Any]:
    """Images in the order the network takes."""
    if images.ndim not in (3, 4) or images.dtype.kind not in "buif":
        raise DataError(
            f"{path}: array {config.array!r} is {images.dtype} of shape {images.shape}; expected numbers (n, h, w), (n, h, w, c) or (n, c, h, w)"
        )
    if images.ndim == 3:
        return images[:, None] if config.gives == "nchw" else images[..., None]
    layout = config.layout or _guessed(path, config.array, images.shape)
    if layout == config.gives:
        return images
    return np.ascontiguousarray(images.transpose((0, 3, 1, 2) if config.gives == "nchw" else (0, 2, 3, 1)))


def _guessed(path: Path, name: str, shape: tuple[int, ...]) -> Literal["nchw", "nhwc"]:
    first, last = shape[1] <= _MAX_CHANNELS, shape[3] <= _MAX_CHANNELS
    if first == last:
        why = "could have its channels first or last" if first else f"has no axis of at most {_MAX_CHANNELS} channels"
        raise DataError(f"{path}: array {name!r} of shape {shape} {why}; declare data.image.layout = 'nchw' or 'nhwc'")
    return "nchw" if first else "nhwc"


def _column(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind in "uif":
        return values.astype(np.float64)
    return canonical.object_array(canonical.texts(pa.array(values)))


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name, values in arrays.items():
        digest.update(f"\0{name}\0{values.dtype.str}\0{values.shape}\0".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
