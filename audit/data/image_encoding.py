"""`ImageEncoder`: images scaled and centred channel by channel; its players are square patches, or superpixels, over all channels."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from audit.data.batch import Batch, Players
from audit.data.dataset import RowBlock
from audit.data.image_filling import filled_in
from audit.data.leaf import PLAIN, Plain
from audit.data.superpixels import superpixels
from audit.data_config import ImageConfig
from audit.errors import DataError


@dataclass(frozen=True)
class ImageEncoder:
    """(value / scale - mean) / deviation, image by image; `mean` and `deviation` are one number, or one per channel."""

    array: str
    shape: tuple[int, ...]
    """Of one image, (channels, height, width), or (height, width, channels) where `channels_last`."""
    scale: float
    mean: float | tuple[float, ...]
    deviation: float | tuple[float, ...]
    players: Players
    dtype: str
    channels_last: bool = False
    made: str = ""
    """How images were changed when they were read; empty for as stored."""
    absence: Literal["rows", "mean", "blur", "inpaint"] = "rows"
    """What stands for a patch that is left out."""
    patch: int = 4
    compactness: float = 10.0
    """Of superpixels."""

    @classmethod
    def from_config(cls, config: ImageConfig, shape: tuple[int, ...], dtype: str, *, array: str | None = None) -> ImageEncoder:
        """The encoder an audit file describes for images of `shape`, in the column `array` (the npz array when None)."""
        last = config.gives == "nhwc"
        channels = shape[-1] if last else shape[0]
        mean, deviation = (_per_channel(key, getattr(config, key), channels) for key in ("mean", "deviation"))
        if config.scale == 0 or 0 in np.atleast_1d(deviation):
            raise DataError("data.image: scale and deviation must not be 0")
        return cls(
            array=array or config.array, shape=shape, scale=float(config.scale), mean=mean, deviation=deviation,
            players=_players(config, shape, channels_last=last), dtype=dtype, channels_last=last, made=_made(config),
            absence=config.absent, patch=config.patch, compactness=float(config.compactness),
        )  # fmt: skip

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of the flattened leaf: ``channel,row,column``."""
        places = np.ndindex(*self.shape)
        return tuple(f"{c},{y},{x}" for y, x, c in places) if self.channels_last else tuple(",".join(map(str, place)) for place in places)

    @property
    def description(self) -> dict[str, Any]:
        """Plain data for the run."""
        return {
            "kind": "image", "array": self.array, "shape": list(self.shape), "order": "nhwc" if self.channels_last else "nchw", "made": self.made,
            "scale": self.scale, "mean": _plain(self.mean), "deviation": _plain(self.deviation), "dtype": self.dtype,
            "players": list(self.players.names), "absent": self.absence,
        } | ({"compactness": self.compactness} if self.players.by_row else {})  # fmt: skip

    @property
    def digest(self) -> str:
        """sha256 of the description; hexadecimal."""
        return hashlib.sha256(json.dumps(self.description, sort_keys=True).encode()).hexdigest()

    def encode(self, block: RowBlock) -> Batch:
        """Images (n, …) of `shape` as the network takes them."""
        raw = block.values[self.array]
        values = np.empty(raw.shape, dtype=self.dtype)
        mean, deviation = self._broadcast(self.mean), self._broadcast(self.deviation)
        for place, image in enumerate(raw):  # one at a time: float64 of all of them would be twice the size of the block
            values[place] = (image.astype(np.float64) / self.scale - mean) / deviation
        return Batch({"values": values}, "values", block)

    def decode(self, values: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Raw images (n, …) float32 from encoded ones."""
        raw = np.empty(values.shape, dtype=np.float32)
        mean, deviation = self._broadcast(self.mean), self._broadcast(self.deviation)
        for place, image in enumerate(values):
            raw[place] = (image.astype(np.float64) * deviation + mean) * self.scale
        return {self.array: raw}

    # ---- what stands for absent -------------------------------------------------------------------------------------------------

    @property
    def arguments(self) -> Plain:
        """The network is called with the images alone."""
        return PLAIN

    @property
    def needs_background(self) -> bool:
        """Whether reference images stand for what is left out."""
        return self.absence == "rows"

    def alike(self, values: NDArray[Any]) -> NDArray[Any] | None:
        """Images have an absence of their own unless reference images stand for it."""
        return None if self.needs_background else values

    def owners(self, values: NDArray[Any]) -> NDArray[np.int64] | None:
        """Superpixels of the entries of each image (n, entries); None for patches, which are the same in all images."""
        if not self.players.by_row:
            return None
        regions = [self._regions(image) for image in self.decode(values)[self.array]]
        return np.stack(regions).reshape(len(values), -1) if len(values) else np.zeros((0, int(np.prod(self.shape))), dtype=np.int64)

    def absent(self, row: NDArray[Any], background: NDArray[Any]) -> NDArray[Any]:
        """Reference images (b, …), or the image (1, …) with every channel at its mean, blurred, or with each patch filled from its surroundings."""
        if self.needs_background:
            return background
        plane = (0, 1) if self.channels_last else (1, 2)
        if self.absence == "inpaint":
            last = row if self.channels_last else row.transpose(1, 2, 0)
            own = self.owners(row[None])
            entries = (self.players.owner if own is None else own[0]).reshape(row.shape)
            owner = entries[:, :, 0] if self.channels_last else entries[0]
            whole = filled_in(last.astype(np.float64), owner)
            flat = whole if self.channels_last else whole.transpose(2, 0, 1)
        elif self.absence == "mean":
            flat = np.broadcast_to(row.mean(axis=plane, keepdims=True, dtype=np.float64), row.shape)
        else:
            flat = gaussian_filter(row.astype(np.float64), sigma=self.patch, axes=plane, mode="nearest")
        return flat[None].astype(row.dtype)

    def _regions(self, raw: NDArray[Any]) -> NDArray[np.int64]:
        last = raw if self.channels_last else raw.transpose(1, 2, 0)
        found = superpixels(last, len(self.players.names), compactness=self.compactness)
        return np.asarray(np.broadcast_to(found[:, :, None] if self.channels_last else found, self.shape))

    def _broadcast(self, number: float | tuple[float, ...]) -> NDArray[np.float64]:
        found = np.asarray(number, dtype=np.float64)
        return found if found.ndim == 0 or self.channels_last else found[:, None, None]


def patches(shape: tuple[int, ...], side: int, *, channels_last: bool = False) -> Players:
    """Square patches ``patch row,column`` over all channels; those at the lower and right edge are smaller where `side` does not divide."""
    height, width = shape[:2] if channels_last else shape[1:]
    across = -(-width // side)
    down = -(-height // side)
    place = (np.arange(height)[:, None] // side) * across + np.arange(width)[None, :] // side
    owner = np.broadcast_to(place[:, :, None] if channels_last else place, shape).reshape(-1).astype(np.int64)
    return Players(tuple(f"patch {r},{c}" for r in range(down) for c in range(across)), owner)


def _players(config: ImageConfig, shape: tuple[int, ...], *, channels_last: bool) -> Players:
    if config.players == "patches":
        return patches(shape, config.patch, channels_last=channels_last)
    height, width = shape[:2] if channels_last else shape[1:]
    names = tuple(f"superpixel {number}" for number in range(1, min(config.superpixels, height * width) + 1))
    return Players(names, np.zeros(int(np.prod(shape)), dtype=np.int64), by_row=True)


def _per_channel(key: str, given: Decimal | tuple[Decimal, ...], channels: int) -> float | tuple[float, ...]:
    if isinstance(given, Decimal):
        return float(given)
    if len(given) != channels:
        raise DataError(f"data.image.{key} has {len(given)} numbers for images of {channels} channels; declare one number, or one per channel")
    return tuple(float(number) for number in given)


def _plain(number: float | tuple[float, ...]) -> float | list[float]:
    return list(number) if isinstance(number, tuple) else number


def _made(config: ImageConfig) -> str:
    """In words; the same for all images, whether one needed it or not."""
    steps = [f"made {config.colour}" if config.colour else ""]
    steps.append(f"transparent places filled with {config.background}" if config.background is not None else "")
    steps.append(f"resized to {config.size[0]} by {config.size[1]}, bilinear with antialiasing, rounded to whole values" if config.size else "")
    return "; ".join(step for step in steps if step)
