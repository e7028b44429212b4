"""Images as people keep them: an array of an npz file, files that a table names, files in one folder for each class."""

from __future__ import annotations

import csv
import io
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from audit.data import canonical
from audit.data.files import arrow_schema, stream
from audit.data.image_names import image_bytes
from audit.data.npz_file import array_column, read_arrays
from audit.errors import ConfigError, DataError
from audit.proposal.toml_text import comment, number, quoted

ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".webp")
TABLES = (".csv", ".parquet", ".pq", ".feather", ".arrow", ".jsonl")
LOOKED_AT = 64
"""Images that are opened to see their size and colours."""
MOST_FILES = 1_000_000
NAMES = ("images", "image", "x", "x_test", "data", "pixels")
HEADER = 4096


@dataclass(frozen=True, kw_only=True)
class Images:
    """Images and how they are read."""

    evaluate: Path
    columns: Path
    readable: Path
    channels: int
    size: tuple[int, int]
    largest: int
    """What values are divided by."""
    largest_why: str
    array: str | None = None
    layout: str | None = None
    """Declared where it cannot be seen from the shape."""
    column: str | None = None
    folder: Path | None = None
    colour: str | None = None
    resized: str = ""
    """Why they are resized, where they are."""
    transparent: bool = False
    gives: str = "nchw"
    """Order of the axes that the network takes."""
    new: Mapping[Path, str] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one image: channels, height, width."""
        return (self.channels, *self.size)

    @property
    def told(self) -> str:
        """In words."""
        kind = {1: "grey", 3: "colour"}.get(self.channels, f"{self.channels} channels")
        return f"images {self.size[0]} × {self.size[1]}, {kind}"

    def of_channels(self, wanted: int | None) -> Images:
        """The same, turned into grey or colour where the network takes that."""
        if self.array is not None or wanted not in (1, 3) or wanted == self.channels:
            return self
        return replace(self, channels=wanted, colour="grey" if wanted == 1 else "rgb")

    def of_size(self, wanted: tuple[int | None, int | None]) -> Images:
        """The same, resized to the height and width the network takes, where it takes one size only."""
        height, width = (side if asked is None else asked for asked, side in zip(wanted, self.size, strict=True))
        if self.array is not None or (height, width) == self.size:
            return self
        return replace(self, size=(height, width), resized="the network takes images of this size")

    def lines(self) -> tuple[str, ...]:
        """The table data.image."""
        lines = ["[data.image]"]
        if self.array is not None:
            lines.append(f"array = {quoted(self.array)}")
        if self.column is not None:
            lines.append(f"column = {quoted(self.column)}")
        if self.layout is not None:
            lines += [comment("guess: axes of the array. Check: nchw or nhwc"), f'layout = "{self.layout}"']
        if self.gives != "nchw":
            lines += [comment("guess: the network takes the channels last. Check: nchw or nhwc"), f'gives = "{self.gives}"']
        if self.colour is not None:
            lines += [comment("guess: what the network takes. Check: grey or rgb"), f'colour = "{self.colour}"']
        if self.transparent:
            lines += [comment("guess: white shows through transparent places. Check: what the network was trained with"), "background = 255"]
        if self.resized:
            lines += [comment(f"guess: {self.resized}. Check: height and width the network takes"), f"size = [{self.size[0]}, {self.size[1]}]"]
        lines += [comment(f"guess: {self.largest_why}. Check: what the network was trained with"), f"scale = {number(self.largest)}"]
        example = "[0.5]" if self.channels == 1 else f"[{', '.join(['0.5'] * self.channels)}]"
        lines.append(comment(f"mean = {example}, deviation = {example}     after scale, if the network was trained on images centred so"))
        return tuple(lines)


def table_in(folder: Path) -> Path | None:
    """The one table that lies in a folder; raises ConfigError where there are several."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in TABLES and path.is_file())
    if len(found) > 1:
        raise ConfigError(f"{folder} holds {len(found)} tables, {', '.join(path.name for path in found[:4])}: name the one that lists the images")
    return found[0] if found else None


def named_images(table: Path) -> Images | None:
    """The images that a column of a table names, relative to its folder; None for a table without such a column."""
    if table.suffix.lower() not in TABLES:
        return None
    for name, held in first_texts(table, LOOKED_AT).items():
        if held and all(value.lower().endswith(ENDINGS) for value in held):
            folder = _folder_of(held[0], table.parent)
            seen = _look(folder, held)
            return replace(seen, evaluate=table, columns=table, readable=table, column=name, folder=None if folder == table.parent else folder)
    return None


def first_texts(table: Path, rows: int) -> dict[str, list[str]]:
    """The texts among the first `rows` values of each column, by name."""
    names = [item.name for item in arrow_schema(table) if canonical.is_text(_plain(item.type))]
    first = next(iter(stream(table, names)), None) if names else None
    if first is None:
        return {}
    held = {name: first.column(name).slice(0, rows).to_pylist() for name in names}
    return {name: [value for value in values if isinstance(value, str)] for name, values in held.items()}


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _folder_of(name: str, home: Path) -> Path:
    """The table's folder, or the one folder in it that the name is relative to."""
    if (home / name).is_file():
        return home
    below = sorted(path for path in home.iterdir() if path.is_dir() and not path.is_symlink() and (path / name).is_file())
    return below[0] if below else home


def class_folders(folder: Path, *, out: Path, scratch: Path) -> Images:
    """Images in one folder for each class; their table of labels is made."""
    found = _by_class(folder)
    named = [(f"{label}/{name}", label) for label, names in found.items() for name in names]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([("image", "label"), *named])
    target, held = out.with_name("labels.csv"), scratch / "labels.csv"
    held.write_text(text.getvalue(), encoding="utf-8")
    spread = [named[place][0] for place in np.linspace(0, len(named) - 1, min(LOOKED_AT, len(named))).astype(int)]
    seen = _look(folder, spread)
    return replace(seen, evaluate=target, columns=held, readable=held, column="image", folder=folder, new={target: text.getvalue()})


def _by_class(folder: Path) -> dict[str, list[str]]:
    """Names of the images by name of their folder, both in alphabetical order; links are left out."""
    found: dict[str, list[str]] = {}
    count = 0
    for place in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if not place.is_dir(follow_symlinks=False) or place.name.startswith("."):
            continue
        names = []
        for entry in os.scandir(place.path):
            if entry.is_file(follow_symlinks=False) and entry.name.lower().endswith(ENDINGS):
                names.append(entry.name)
                count += 1
        if count > MOST_FILES:
            raise ConfigError(f"{folder} holds more than {MOST_FILES:,} images; write a table of those that are to be looked at")
        if names:
            found[place.name] = sorted(names)
    odd = next((name for label, names in found.items() for name in (label, *names) if not name.isprintable() or "\\" in name), None)
    if odd is not None:
        raise ConfigError(f"{folder}: {odd!a} has signs that a table of labels cannot hold; rename it")
    if len(found) < 2:
        held = f"one folder of images, {next(iter(found))!r}" if found else "no folder of images"
        raise ConfigError(f"{folder} holds no table and {held}; expected a table that names the images, or one folder of images for each class")
    return found


def _look(folder: Path, names: list[str]) -> Images:
    """Size and colours of some images; raises DataError, with its name, for one that cannot be read."""
    from audit.data.image_pixels import Reading, read_pixels  # noqa: PLC0415  Pillow is loaded only for image files

    sizes: Counter[tuple[int, int]] = Counter()
    channels, largest, transparent, white = set(), 255, False, False
    for name in names:
        try:
            content = image_bytes(folder, name)
            try:
                pixels = read_pixels(content, Reading())
            except DataError as error:
                if "transparen" not in str(error):
                    raise
                transparent = True
                try:
                    pixels = read_pixels(content, Reading("rgb"))
                except DataError:
                    white, pixels = True, read_pixels(content, Reading("rgb", background=255))
        except DataError as error:
            raise DataError(f"{folder}: image {name!r} {error}") from None
        sizes[pixels.shape[0], pixels.shape[1]] += 1
        channels.add(int(pixels.shape[2]))
        largest = max(largest, int(np.iinfo(pixels.dtype).max))
    found = max(channels)
    return Images(
        evaluate=folder,
        columns=folder,
        readable=folder,
        channels=found,
        size=sizes.most_common(1)[0][0],
        largest=largest,
        largest_why=f"files hold 0 to {largest}, and networks are mostly trained on 0 to 1",
        colour=("rgb" if found == 3 else "grey") if transparent or len(channels) > 1 else None,
        resized=f"images have {len(sizes)} sizes, this is the commonest" if len(sizes) > 1 else "",
        transparent=white,
    )


def zipped_images(path: Path, *, scratch: Path) -> Images:
    """The array of images in an npz file; its one-dimensional arrays become the table of columns."""
    held = _headers(path)
    arrays = {name: shape for name, (shape, kind) in held.items() if kind in "buif" and _image_like(shape)}
    chosen = next((name for wanted in NAMES for name in arrays if name.lower() == wanted), next(iter(arrays), None))
    if chosen is None:
        told = ", ".join(f"{name} {shape}" for name, (shape, _) in list(held.items())[:6]) or "none"
        raise DataError(f"{path}: no array looks like images, (n, h, w), (n, h, w, c) or (n, c, h, w); found {told}")
    images = read_arrays(path, [chosen])[chosen]
    shape = images.shape
    columns = {name: array_column(read_arrays(path, [name])[name]) for name, (one, kind) in held.items() if one == shape[:1] and kind in "buifU"}
    if not columns:
        raise DataError(f"{path}: there is no array of {shape[0]} labels beside {chosen!r} {shape}")
    table = scratch / "columns.parquet"
    pq.write_table(pa.table(columns), table)
    layout, size, channels = _axes(shape)
    largest, why = _largest(images)
    plain = len(shape) == 3 or ((shape[1] <= 4) != (shape[3] <= 4))
    return Images(
        evaluate=path,
        columns=table,
        readable=path,
        channels=channels,
        size=size,
        largest=largest,
        largest_why=why,
        array=chosen,
        layout=None if plain else layout,
    )


def _image_like(shape: tuple[int, ...]) -> bool:
    return len(shape) in (3, 4) and all(side > 0 for side in shape)


def _axes(shape: tuple[int, ...]) -> tuple[str, tuple[int, int], int]:
    if len(shape) == 3:
        return "nchw", (shape[1], shape[2]), 1
    if shape[3] <= 4 < shape[1]:
        return "nhwc", (shape[1], shape[2]), shape[3]
    return "nchw", (shape[2], shape[3]), shape[1]


def _largest(images: Any) -> tuple[int, str]:
    top = float(images.max())
    if images.dtype == np.uint8:
        return 255, f"the array holds bytes, 0 to {top:g}, and networks are mostly trained on 0 to 1"
    if images.dtype.kind in "ui" and top > 1:
        return (255 if top <= 255 and top > 16 else int(top)), f"the largest value is {top:g}, and networks are mostly trained on 0 to 1"
    return (255, f"values go to {top:g}, as those of bytes do") if 16 < top <= 255 else (1, f"values go from {float(images.min()):g} to {top:g}")


def _headers(path: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and kind of the type of each array, from the headers alone."""
    found: dict[str, tuple[tuple[int, ...], str]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for item in archive.infolist()[:1000]:
                if not item.filename.endswith(".npy"):
                    continue
                with archive.open(item) as member:
                    start = io.BytesIO(member.read(HEADER))
                version = np.lib.format.read_magic(start)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(start)
                claimed = dtype.itemsize * int(np.prod(shape, dtype=object))
                if claimed <= item.file_size:
                    found[item.filename.removesuffix(".npy")] = (tuple(shape), "O" if dtype.hasobject else dtype.kind)
    except (ValueError, OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: cannot be read as npz: {(str(error).splitlines() or [type(error).__name__])[0]}") from None
    return found
