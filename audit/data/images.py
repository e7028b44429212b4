"""`ImageDataset`, images with their labels and groups in one npz file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit.data.dataset import RowBlock
from audit.data.npz_file import array_column, read_arrays
from audit.data_config import ImageConfig
from audit.errors import DataError

_MAX_CHANNELS = 4
"""Channels of an axis that is taken for that of the channels when nothing is declared."""


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
    held = read_arrays(path, [config.array, *extra])
    images = _ordered(path, config, held[config.array])
    if len(images) == 0:
        raise DataError(f"{path}: array {config.array!r} holds no images")
    if not np.isfinite(images).all():
        raise DataError(f"{path}: array {config.array!r} holds values that are not finite")
    for key in extra:
        if held[key].shape != (len(images),):
            raise DataError(f"{path}: array {key!r} has shape {held[key].shape}; expected ({len(images)},), one value per image")
    others = {key: array_column(held[key]) for key in extra}
    return ImageDataset(path, name, config.array, images, others, _digest({config.array: images} | {key: held[key] for key in extra}))


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


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name, values in arrays.items():
        digest.update(f"\0{name}\0{values.dtype.str}\0{values.shape}\0".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
