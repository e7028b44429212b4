"""Series as people keep them: a .ts file, an array of an npz file, a table with one row for each step; which axes and columns are which."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.data import canonical
from audit.data.files import arrow_schema, stream
from audit.data.npz_file import array_column, array_names, read_arrays
from audit.data.ts_file import LABEL, POSITION, read_ts
from audit.errors import ConfigError, DataError, nearest
from audit.proposal.taken import NOTHING, Taken
from audit.proposal.toml_text import comment, listed, number, quoted, shown

MOST_ROWS = 262_144
"""Rows of a long table that are looked at."""


@dataclass(frozen=True, kw_only=True)
class FoundSeries:
    """Series, the table of what each has one of, and the lines that say how they are read."""

    columns: Path
    lines: tuple[str, ...]
    told: str
    taken: tuple[str, ...] = ()


def is_series_file(path: Path) -> bool:
    """Whether the name alone says that a file holds series."""
    return path.name.lower().endswith(".ts") and path.is_file() and b"@" in path.read_bytes()[:65_536]


def find_series(path: Path, named: str | None, *, scratch: Path, recurrent: bool, network: Taken = NOTHING) -> FoundSeries:
    """The series of a file; `named` is the array of an npz file, or the column of a table that names the series of each row.

    `recurrent` says that the network reads step by step, `network` what it takes where it tells. Raises DataError and ConfigError for what
    is not there.
    """
    if path.suffix.lower() == ".ts":
        held = read_ts(path, channels=(), extra=(), optional=(LABEL, POSITION))
        ended = bool(np.isnan(held.values[:, :, -1]).any())
        return _found(held.others, [], _Seen(held.values.shape[1], held.values.shape[2], ended), scratch, Reader(recurrent, network))
    if path.suffix.lower() == ".npz":
        return _array(path, named, scratch, Reader(recurrent, network))
    return _table(path, named or "", scratch, Reader(recurrent, network))


def _array(path: Path, named: str | None, scratch: Path, reader: Reader) -> FoundSeries:
    names = array_names(path)
    if named not in names:
        raise ConfigError(f"--series {shown(named or '')}: there is no such array in {path.name}: {nearest(named or '', names)}")
    values = read_arrays(path, [named])[named]
    if values.ndim not in (2, 3) or values.dtype.kind not in "buif":
        raise DataError(f"{path}: array {named!r} is {values.dtype} of shape {values.shape}; expected numbers (n, steps) or (n, channels, steps)")
    others = {}
    for name in names:
        one = read_arrays(path, [name])[name]
        if one.shape == values.shape[:1]:
            others[name] = array_column(one)
    last = values.ndim == 3 and values.shape[2] < values.shape[1]
    lines = [f"array = {quoted(named)}"]
    if values.ndim == 3:
        lines += [comment("guess: there are more steps than channels. Check: nct or ntc"), f'layout = "{"ntc" if last else "nct"}"']
    channels, steps = (1, values.shape[1]) if values.ndim == 2 else (values.shape[2], values.shape[1]) if last else values.shape[1:]
    return _found(others, lines, _Seen(channels, steps, bool(np.isnan(values).any())), scratch, reader)


def _table(path: Path, by: str, scratch: Path, reader: Reader) -> FoundSeries:
    schema = arrow_schema(path)
    if by not in schema.names:
        raise ConfigError(f"--series {shown(by)}: there is no such column: {nearest(by, schema.names)}")
    frame = _some(path, schema.names)
    groups = frame.groupby(by, sort=False)
    changes = groups.nunique(dropna=False).max()
    moving = [name for name in schema.names if name != by and changes[name] > 1]
    steps = [name for name in moving if not groups[name].apply(lambda one: one.duplicated().any() or one.isna().any()).any()]
    ordered = [name for name in steps if groups[name].apply(lambda one: one.is_monotonic_increasing).all()]
    step = next(iter(ordered or steps), None)
    channels = [name for name in moving if name != step and pd.api.types.is_numeric_dtype(frame[name])]
    if step is None or not channels:
        what = "orders the steps of every series" if step is None else "of numbers changes within a series"
        raise ConfigError(f"--series {shown(by)}: no column {what}; expected one row for each step")
    others = {name: groups[name].first().to_numpy() for name in schema.names if name not in moving and name != by}
    others = {by: np.array([canonical.canonical_text(name) for name in groups.groups], dtype=object), **others}
    lines = [
        f"by = {quoted(by)}",
        comment("guess: it increases within every series. Check: what orders the steps"),
        f"step = {quoted(step)}",
        comment("guess: numbers that change within a series. Check: which ones the network takes, in its order"),
        f"channels = {listed(channels)}",
    ]
    sizes = groups.size()
    seen = _Seen(len(channels), int(sizes.max()), bool(sizes.min() < sizes.max()))
    found = _found(others, lines, seen, scratch, reader)
    return FoundSeries(columns=found.columns, lines=found.lines, told=found.told, taken=(step, *channels))


def _some(path: Path, names: Sequence[str]) -> pd.DataFrame:
    """The first rows, numbers as numbers."""
    parts, rows = [], 0
    for batch in stream(path, names):
        parts.append(batch.to_pandas())
        rows += batch.num_rows
        if rows >= MOST_ROWS:
            break
    if not rows:
        raise DataError(f"{path}: the table has no rows")
    frame = pd.concat(parts, ignore_index=True)
    numbers = {name: pd.to_numeric(frame[name], errors="coerce") for name in names}
    return pd.DataFrame({name: one if one.notna().sum() == frame[name].notna().sum() else frame[name] for name, one in numbers.items()})


@dataclass(frozen=True)
class _Seen:
    """Channels, steps of the longest, and whether some series end earlier."""

    channels: int
    steps: int
    ended: bool


@dataclass(frozen=True)
class Reader:
    """The network, as far as it is known: whether it reads step by step, and what it takes."""

    recurrent: bool
    network: Taken

    def axes(self, seen: _Seen) -> tuple[str, str]:
        """The order of the axes it takes, and why."""
        sizes = self.network.sizes
        said = "as the network says of its inputs"
        if sizes is not None and len(sizes) == 2 and seen.channels == 1:
            return "nt", said
        if sizes is not None and len(sizes) == 3 and (sizes[1] == seen.channels) != (sizes[2] == seen.channels):
            return ("nct" if sizes[1] == seen.channels else "ntc"), said
        if self.recurrent:
            return "ntc", "networks that read step by step mostly take (rows, steps, channels)"
        return "nct", "convolutions take (rows, channels, steps)"

    def length(self, gives: str, seen: _Seen) -> int | None:
        """The number of steps it takes, where it takes one only and series have another."""
        wanted = self.network.side(1, rank=2) if gives == "nt" else self.network.side(1 if gives == "ntc" else 2, rank=3)
        return None if wanted == seen.steps else wanted


def other_axes(lines: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The lines of data.series or data.image that give the network the axes in another order."""
    at = next((place for place, line in enumerate(lines) if line.startswith("gives = ")), None)
    now = 'gives = "nchw"' if at is None else lines[at]
    before, after = (lines, ()) if at is None else (lines[: at - 1], lines[at + 1 :])
    orders = ("nchw", "nhwc") if lines[0] == "[data.image]" else ("nct", "ntc", "nt")
    why = comment("guess: in this order of its axes the network answers. Check: the order it was trained with")
    return tuple((*before, why, f'gives = "{order}"', *after) for order in orders if f'gives = "{order}"' != now)


def beside_lines(names: Sequence[str]) -> list[str]:
    """Lines that give the network a mask or the lengths, where it takes them."""
    return [line for name in names for line in (comment(f"guess: the network takes an input called so. Check: {name}"), f"{name} = true")]


def _found(others: Mapping[str, NDArray[Any]], lines: Sequence[str], seen: _Seen, scratch: Path, reader: Reader) -> FoundSeries:
    if not others:
        raise DataError("the file holds nothing but series; expected labels, one for each series")
    gives, why = reader.axes(seen)
    more = [comment(f"guess: {why}. Check: nct, ntc, or nt for a single channel without an axis"), f'gives = "{gives}"']
    beside = [name for name, taken in (("mask", reader.network.mask), ("lengths", reader.network.lengths)) if taken]
    more += beside_lines(beside)
    length = reader.length(gives, seen)
    if length is not None:
        more += [
            comment("guess: the network takes so many steps. Check: longer series are cut, shorter ones end earlier"),
            f"length = {number(length)}",
        ]
    if seen.ended and not beside:
        more.append(comment("some series end earlier: mask = true or lengths = true where the network is given that, after the values"))
    more.append(comment(f'length = {number(seen.steps)}, encode = "standard"     where the network takes fewer steps, or scaled values'))
    target = scratch / "series.csv"
    target.write_text(_text(others), encoding="utf-8")
    told = f"series of {seen.channels} {'channel' if seen.channels == 1 else 'channels'}, {'up to ' if seen.ended else ''}{seen.steps} steps"
    return FoundSeries(columns=target, lines=("[data.series]", *lines, *more), told=told)


def _text(others: Mapping[str, NDArray[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(others)
    cells = [["" if pd.isna(value) else canonical.canonical_text(value) for value in column] for column in others.values()]
    writer.writerows(zip(*cells, strict=True))
    return text.getvalue()
