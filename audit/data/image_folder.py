"""`ImageFolder`: images in files that a table names, with their labels and groups in the table. Pixels are read from their files when asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.dataset import RowBlock, Schema
from audit.data.image_names import image_bytes
from audit.data.image_pixels import Reading, read_pixels
from audit.data.tables import TableDataset, open_table
from audit.data_config import ImageConfig
from audit.errors import DataError

PIXELS = "pixels"
"""Name of the column of pixels, which the table does not have."""
READ = 4096
"""File names read at a time when a folder is opened."""
MOST_ENTRIES = 2**24
"""Values of a block; where images are large, blocks have fewer rows than asked."""


@dataclass(frozen=True)
class ImageFolder:
    """Images of a folder as a `Dataset`; made by `open_image_folder`. Holds the table, no pixels."""

    table: TableDataset
    column: str
    """Column of the table with the names of the files."""
    folder: Path
    reading: Reading
    channels_last: bool
    shape: tuple[int, ...] = ()
    """Of one image, (channels, height, width) or with channels last (height, width, channels)."""
    largest: int = 255
    """Largest value that the files can hold."""
    digest: str = ""
    """sha256 of the table's columns and of the content of the image files, in the order of the rows."""

    @property
    def array(self) -> str:
        """Name of the column of pixels."""
        return PIXELS

    @property
    def name(self) -> str:
        """``evaluate``, ``reference`` or ``calibration``."""
        return self.table.name

    @property
    def n_rows(self) -> int:
        """Number of images."""
        return self.table.n_rows

    @property
    def columns(self) -> Sequence[str]:
        """All columns that can be read."""
        return (PIXELS, *self.table.columns)

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """Rows in order, at most `size` at a time."""
        rows = min(size, max(1, MOST_ENTRIES // int(np.prod(self.shape))))
        for block in self.table.blocks(rows):
            yield self._with_pixels(block)

    def take(self, positions: NDArray[np.int64]) -> RowBlock:
        """The rows at sorted, unique `positions`."""
        return self._with_pixels(self.table.take(positions))

    def pixels(self, rows: RowBlock) -> NDArray[np.float32]:
        """The images of `rows` of the table, (n, …) as stored; raises DataError, with file and row, for one that cannot be read."""
        found = np.empty((len(rows), *self.shape), dtype=np.float32)
        for place, (position, name) in enumerate(zip(rows.positions, rows.values[self.column], strict=True)):
            image = self._read(int(position), name)[0]
            if image.shape != self.shape:
                raise self._refusal(int(position), name, f"has changed since the audit began: now {image.shape}, before {self.shape}")
            found[place] = image
        return found

    def inspected(self) -> tuple[tuple[int, ...], int, str]:
        """Read every image once: the shape and largest value they share, and the digest; raises DataError for one that differs."""
        digest, first = hashlib.sha256(self.table.digest.encode()), None
        for block in self.table.blocks(READ):
            for position, name in zip(block.positions, block.values[self.column], strict=True):
                image, content = self._read(int(position), name)
                digest.update(hashlib.sha256(content).digest())
                first = first or _Kind.of(image, name, self.channels_last)
                if (other := _Kind.of(image, name, self.channels_last)).what != first.what:
                    raise self._refusal(int(position), name, f"is {other}, but {first.name!r} is {first}; {first.remedy(other)}")
        assert first is not None  # noqa: S101  a table without rows was refused
        return first.shape, first.largest, digest.hexdigest()

    def _with_pixels(self, block: RowBlock) -> RowBlock:
        return RowBlock(block.positions, _WithPixels(self, block))

    def _read(self, position: int, name: Any) -> tuple[NDArray[Any], bytes]:
        if name is None:
            raise DataError(f"{self.table.path}: row {position}: column {self.column!r} names no image")
        try:
            content = image_bytes(self.folder, name)
            image = read_pixels(content, self.reading)
        except DataError as error:
            raise self._refusal(position, name, str(error)) from None
        return image if self.channels_last else image.transpose(2, 0, 1), content

    def _refusal(self, position: int, name: str, problem: str) -> DataError:
        shown = name if len(name) <= 200 else name[:197] + "..."
        return DataError(f"{self.table.path}: row {position}: image {shown!r} {problem}")


@dataclass(frozen=True)
class _Kind:
    """What images of one data set share."""

    name: str
    shape: tuple[int, ...]
    largest: int
    channels: int
    size: tuple[int, int]

    @classmethod
    def of(cls, image: NDArray[Any], name: str, channels_last: bool) -> _Kind:
        height, width, channels = image.shape if channels_last else (*image.shape[1:], image.shape[0])
        return cls(name, image.shape, int(np.iinfo(image.dtype).max), channels, (height, width))

    @property
    def what(self) -> tuple[tuple[int, ...], int]:
        return self.shape, self.largest

    def __str__(self) -> str:
        bits = "" if self.largest == 255 else " with 16 bits"
        return f"{'grey' if self.channels == 1 else 'rgb'}{bits}, {self.size[0]} by {self.size[1]}"

    def remedy(self, other: _Kind) -> str:
        """What to declare so that both can be read."""
        if other.size != self.size:
            return "declare data.image.size = [height, width] to resize all"
        return "declare data.image.colour = 'grey' or 'rgb'" if other.largest == self.largest else "save all with the same number of bits"


@dataclass(frozen=True)
class _WithPixels(Mapping[str, NDArray[Any]]):
    """The columns of a block; its pixels are read when they are first asked for, since labels and groups are often read alone."""

    folder: ImageFolder
    block: RowBlock
    held: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False, compare=False)

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name != PIXELS:
            return self.block.values[name]
        if PIXELS not in self.held:
            self.held[PIXELS] = self.folder.pixels(self.block)
        return self.held[PIXELS]

    def __iter__(self) -> Iterator[str]:
        return iter((*self.block.values, PIXELS))

    def __len__(self) -> int:
        return len(self.block.values) + 1


def open_image_folder(path: Path, *, name: str, config: ImageConfig, folder: Path, extra: Sequence[str], text: Sequence[str] = ()) -> ImageFolder:
    """The images that the table at `path` names in its column ``config.column``, relative to `folder`, with the table's `extra` columns.

    Every image is read once. Raises DataError for a table that `open_table` refuses; with file and row for an image that is not there, lies
    outside the folder or cannot be read without doubt; and for the first whose size, colour or bits differ from those before it.
    """
    wanted = list(dict.fromkeys([config.column, *extra]))
    if PIXELS in wanted:
        raise DataError(f"{path}: column {PIXELS!r} is in use, and that is what the pixels are called here; rename it")
    table = open_table(path, name=name, schema=Schema(()), extra=wanted, text=[config.column, *text])
    reading = Reading(config.colour, config.size, config.background)
    opened = ImageFolder(table, config.column, folder, reading, config.gives == "nhwc")
    shape, largest, digest = opened.inspected()
    return ImageFolder(table, config.column, folder, reading, opened.channels_last, shape, largest, digest)
