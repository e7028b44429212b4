"""`ImageDataset`, images with their labels and groups in one npz file, and `ImageEncoder`, whose players are square patches."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audit.data import canonical
from audit.data.batch import Batch, Players
from audit.data.dataset import RowBlock
from audit.data_config import ImageConfig
from audit.errors import DataError, nearest

_LIMIT = 2 * 2**30
"""Bytes an npz file may take once it is unpacked."""
_MAX_CHANNELS = 4


@dataclass(frozen=True)
class ImageDataset:
    """Images as a `Dataset`; made by `open_images`. `values` are held as stored, one block at a time becomes float32."""

    path: Path
    name: str
    array: str
    images: NDArray[Any]
    """(n, channels, height, width), as stored."""
    others: Mapping[str, NDArray[Any]]
    digest: str

    @property
    def n_rows(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def shape(self) -> tuple[int, ...]:
        """(channels, height, width)."""
        return tuple(self.images.shape[1:])

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


@dataclass(frozen=True)
class ImageEncoder:
    """(value / scale - mean) / deviation, image by image."""

    array: str
    shape: tuple[int, ...]
    scale: float
    mean: float
    deviation: float
    players: Players
    dtype: str

    @classmethod
    def from_config(cls, config: ImageConfig, shape: tuple[int, ...], dtype: str) -> ImageEncoder:
        """The encoder an audit file describes for images of `shape` (channels, height, width)."""
        if config.scale == 0 or config.deviation == 0:
            raise DataError("data.image: scale and deviation must not be 0")
        scale, mean, deviation = float(config.scale), float(config.mean), float(config.deviation)
        return cls(config.array, shape, scale, mean, deviation, patches(shape, config.patch), dtype)

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of the flattened leaf: ``channel,row,column``."""
        return tuple(",".join(map(str, place)) for place in np.ndindex(*self.shape))

    @property
    def description(self) -> dict[str, Any]:
        """Plain data for the run."""
        return {
            "kind": "image", "array": self.array, "shape": list(self.shape), "scale": self.scale, "mean": self.mean,
            "deviation": self.deviation, "dtype": self.dtype, "players": list(self.players.names),
        }  # fmt: skip

    @property
    def digest(self) -> str:
        """sha256 of the description; hexadecimal."""
        return hashlib.sha256(json.dumps(self.description, sort_keys=True).encode()).hexdigest()

    def encode(self, block: RowBlock) -> Batch:
        """Images (n, channels, height, width) as the network takes them."""
        raw = np.asarray(block.values[self.array], dtype=np.float64)
        values = (raw / self.scale - self.mean) / self.deviation
        return Batch({"values": values.astype(self.dtype)}, "values", block)

    def decode(self, values: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Raw images (n, channels, height, width) float32 from encoded ones."""
        raw = (np.asarray(values, dtype=np.float64) * self.deviation + self.mean) * self.scale
        return {self.array: raw.astype(np.float32)}


def patches(shape: tuple[int, ...], side: int) -> Players:
    """Square patches ``patch row,column`` over all channels; those at the lower and right edge are smaller where `side` does not divide."""
    _, height, width = shape
    across = -(-width // side)
    down = -(-height // side)
    place = (np.arange(height)[:, None] // side) * across + np.arange(width)[None, :] // side
    owner = np.broadcast_to(place, shape).reshape(-1).astype(np.int64)
    return Players(tuple(f"patch {r},{c}" for r in range(down) for c in range(across)), owner)


def open_images(path: Path, *, name: str, config: ImageConfig, extra: Sequence[str]) -> ImageDataset:
    """Images and the `extra` one-dimensional arrays of an npz file.

    Images are (n, h, w), (n, h, w, c) or (n, c, h, w). Raises DataError for a file that is not there, is no npz, holds pickles or more
    than 2 GiB, and for arrays that are absent, of another length, or not finite.
    """
    held = _load(path, [config.array, *extra])
    images = _channels_first(path, config.array, held[config.array])
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


def _channels_first(path: Path, name: str, images: NDArray[Any]) -> NDArray[Any]:
    if images.ndim not in (3, 4) or images.dtype.kind not in "buif":
        raise DataError(f"{path}: array {name!r} is {images.dtype} of shape {images.shape}; expected numbers (n, h, w), (n, h, w, c) or (n, c, h, w)")
    if images.ndim == 3:
        return images[:, None]
    if images.shape[1] <= _MAX_CHANNELS:
        return images
    if images.shape[3] <= _MAX_CHANNELS:
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    raise DataError(f"{path}: array {name!r} of shape {images.shape} has no axis of at most {_MAX_CHANNELS} channels")


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
