"""What kind of rows a file or folder holds: a table, text, series, images in an npz file, that a table names, or in folders by class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from audit.data.files import arrow_schema
from audit.errors import ConfigError, nearest
from audit.proposal.given_images import Images, class_folders, first_texts, named_images, table_in, zipped_images
from audit.proposal.given_series import beside_lines, find_series, is_series_file, other_axes
from audit.proposal.given_several import Given, chosen_inputs, orders
from audit.proposal.source import relative
from audit.proposal.taken import NOTHING, Taken
from audit.proposal.toml_text import comment, number, quoted, shown

LONG = 4
"""Words that texts have at least, on average."""
LOOKED_AT = 200
LENGTH = 128


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows as found. A further kind of data is another function that returns one of these."""

    kind: str
    evaluate: Path
    """What the audit file names."""
    columns: Path
    """Table of the columns that may be label, group or id; of `evaluate` itself, or made of it."""
    readable: Path
    """Where the rows can be read before anything is written."""
    taken: tuple[str, ...] = ()
    """Columns that are inputs."""
    lines: tuple[str, ...] = ()
    """How they are read, instead of data.columns; `folder = …` is left out."""
    told: str = ""
    folder: Path | None = None
    """Folder of the images where it is not that of the table."""
    images: Images | None = None
    new: Mapping[Path, str] = field(default_factory=dict)
    """Files that are written beside the audit file."""
    ways: tuple[tuple[str, ...], ...] = ()
    """Other `lines`, which give the network the axes of its inputs in another order; tried where it does not answer."""
    orders: tuple[tuple[Given, ...], ...] = ()
    """Of a network with several inputs, the ways to give them, the likeliest first."""
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the network says of its rows, and the person."""

    channels: int | None = None
    """Of the images that the first convolution takes."""
    tokens: int | None = None
    """Rows of the first embedding."""
    text: str | None = None
    vocabulary: Path | None = None
    series: str | None = None
    recurrent: bool = False
    """The network reads step by step."""
    taken: Taken = NOTHING
    """Its inputs as far as it tells them."""


def find_rows(path: Path, *, out: Path, scratch: Path, known: Known) -> Rows:
    """The rows at `path`; tables that have to be made are put in the folder `scratch`.

    Raises DataError for what cannot be read, ConfigError for a folder without images and for columns that do not exist.
    """
    if known.series is not None or is_series_file(path):
        return _series_rows(path, scratch, known)
    if path.is_dir():
        table = table_in(path)
        if table is None:
            return _image_rows(class_folders(path, out=out, scratch=scratch), known)
        found = named_images(table)
        if found is None:
            raise ConfigError(f"{path} is a folder with the table {table.name}, of which no column names image files in it")
        return _image_rows(found, known)
    if path.suffix.lower() == ".npz":
        return _image_rows(zipped_images(path, scratch=scratch), known)
    if len(known.taken.names) > 1 and path.is_file():
        return _several_rows(path, out, known)
    named = None if known.text is not None or not path.is_file() else named_images(path)
    if named is not None:
        return _image_rows(named, known)
    column = _text_column(path, known)
    if column is not None:
        return _text_rows(path, column, out, known)
    return Rows(kind="table", evaluate=path, columns=path, readable=path)


def _several_rows(path: Path, out: Path, known: Known) -> Rows:
    """An image, a text and columns, as many of them as the network takes."""
    named, column = named_images(path), _text_column(path, known)
    images = None if named is None else _image_rows(named, known)
    text = None if column is None or (images is not None and column in images.taken) else _text_rows(path, column, out, known)
    held = {kind: rows for kind, rows in (("image", images), ("text", text)) if rows is not None}
    found = {kind: rows.lines for kind, rows in held.items()}
    if images is not None and images.folder is not None:
        found["image"] = (*images.lines, f"folder = {quoted(relative(images.folder, out))}")
    takes = chosen_inputs(known.taken.names, known.taken.further, list(found))
    found["columns"] = ()
    if len(found) < len(takes):
        seen = [rows.told for rows in held.values()] + ["columns"]
        asked = ", ".join(map(shown, known.taken.names[:8]))
        more = "; name the column that holds the text with --text" if text is None else ""
        raise ConfigError(f"the network takes {len(known.taken.names)} inputs, {asked}; {path} gives it {' and '.join(seen)}{more}")
    return Rows(
        kind="several",
        evaluate=path,
        columns=path,
        readable=path,
        taken=tuple(name for rows in held.values() for name in rows.taken),
        told=" and ".join([*(rows.told for rows in held.values()), "columns"]),
        orders=tuple(orders(takes, found)),
        doubts=tuple(doubt for rows in held.values() for doubt in rows.doubts),
    )


def _series_rows(path: Path, scratch: Path, known: Known) -> Rows:
    found = find_series(path, known.series, scratch=scratch, recurrent=known.recurrent, network=known.taken)
    return Rows(
        kind="series",
        evaluate=path,
        columns=found.columns,
        readable=path,
        taken=found.taken,
        lines=found.lines,
        told=found.told,
        ways=() if known.taken.sizes is not None else other_axes(found.lines),
    )


def _image_rows(found: Images, known: Known) -> Rows:
    doubts = []
    if known.channels is not None and found.channels != known.channels and found.array is not None:
        doubts.append(f"The first layer takes images of {known.channels} channels, the array {shown(found.array)} has {found.channels}.")
    network = known.taken
    fitted = found.of_channels(known.channels)
    if network.sizes is not None and len(network.sizes) == 4:
        fitted = fitted.of_size((network.sizes[1], network.sizes[2]) if network.channels_last else (network.sizes[2], network.sizes[3]))
        fitted = replace(fitted, gives="nhwc" if network.channels_last else "nchw")
    return Rows(
        kind="image",
        evaluate=found.evaluate,
        columns=found.columns,
        readable=found.readable,
        taken=() if found.column is None else (found.column,),
        lines=fitted.lines(),
        ways=() if network.sizes is not None else other_axes(fitted.lines()),
        told=fitted.told,
        folder=found.folder,
        images=fitted,
        new=found.new,
        doubts=tuple(doubts),
    )


def _text_column(path: Path, known: Known) -> str | None:
    """The column that is read as text: the one named, else the longest where the network looks up words."""
    if known.text is None and known.tokens is None and not known.taken.whole:
        return None
    schema = arrow_schema(path)
    if known.text is not None and known.text not in schema.names:
        raise ConfigError(f"--text {shown(known.text)}: there is no such column: {nearest(known.text, schema.names)}")
    means = {name: sum(len(value.split()) for value in held) / len(held) for name, held in first_texts(path, LOOKED_AT).items() if held}
    if known.text is not None:
        if known.text not in means:
            raise ConfigError(f"--text {shown(known.text)}: the column holds no text")
        return known.text
    longest = max(means, key=lambda name: means[name], default=None)
    return longest if longest is not None and means[longest] >= LONG else None


def _text_rows(path: Path, column: str, out: Path, known: Known) -> Rows:
    tokens = "" if known.tokens is None else f"; the first embedding has {known.tokens} rows, so it holds as many tokens"
    missing = known.vocabulary is None
    length = known.taken.side(1, rank=2)
    why = "a common choice" if length is None else "the network takes as many"
    beside = [name for name, taken in (("mask", known.taken.mask), ("lengths", known.taken.lengths)) if taken]
    others = "".join(f", {name} = false" for name in ("mask", "lengths") if name not in beside)
    return Rows(
        kind="text",
        evaluate=path,
        columns=path,
        readable=path,
        taken=(column,),
        lines=(
            "[data.text]",
            f"column = {quoted(column)}",
            comment(
                f"{'FILL IN: ' if missing else ''}the vocabulary the network was trained with (.txt with one token a line, .json) or its tokenizer "
                f"file{tokens}"
            ),
            f"vocabulary = {quoted('vocabulary.txt' if known.vocabulary is None else relative(known.vocabulary, out))}",
            comment("guess: words in lower case. Check: word, character, or tokenizer for a tokenizer file"),
            f"tokenise = {quoted('word')}",
            comment(f"guess: {why}. Check: the number of tokens the network was trained with; longer texts are cut, shorter ones padded"),
            f"length = {number(LENGTH if length is None else length)}",
            *beside_lines(beside),
            comment(f'pad = "<pad>", unknown = "<unk>", keep = "start"{others}     where the network takes others'),
        ),
        told=f"text in {shown(column)}",
        doubts=("The vocabulary of the text is not known: name the file of the tokens, in the order of their ids.",) if missing else (),
    )
