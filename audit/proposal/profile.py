"""What every column of a table holds, read once in blocks: numbers or text, levels, range, missing values, whether values repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from audit.data import canonical
from audit.data.files import arrow_schema, file_format, stream
from audit.data.tables import text_offenders
from audit.errors import DataError

MOST_LEVELS = 200
"""Values of a column are kept up to so many; a column with more is said to have many."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column as found. Values are counted as canonical text: 3.0 is ``"3"``, true is ``"True"``."""

    name: str
    stored: str
    """``number``, ``text``, ``boolean``, or the storage type of what cannot be an input."""
    rows: int
    missing: int
    levels: tuple[str, ...] | None
    """Values found, numbers in order of size; None when there are more than `MOST_LEVELS`."""
    commonest: str | None
    """The most frequent value, the first of equals; None when there are too many values or none."""
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    whole: bool = False
    """Holds whole numbers only."""
    infinite: bool = False
    unique: bool = False
    """No value occurs twice and none is missing; only looked for in text and whole numbers."""

    @property
    def kind(self) -> str:
        """``binary`` (0 and 1, or true and false), ``numeric``, ``categorical``, or empty for what cannot be an input."""
        pair = {"0", "1"} if self.stored == "number" else {"False", "True"}
        if self.stored == "boolean" or (self.stored in ("number", "text") and self.levels and set(self.levels) <= pair):
            return "binary"
        return {"number": "numeric", "text": "categorical"}.get(self.stored, "")

    @property
    def two_valued(self) -> bool:
        """Exactly two values occur."""
        return self.levels is not None and len(self.levels) == 2


@dataclass
class _Tally:
    """A column while it is read."""

    name: str
    stored: str
    rows: int = 0
    missing: int = 0
    counts: Counter[str] | None = field(default_factory=Counter)
    seen: set[object] | None = field(default_factory=set)
    low: float | None = None
    high: float | None = None
    total: float = 0.0
    whole: bool = True
    infinite: bool = False

    def add(self, column: pa.Array) -> None:
        """Count one block."""
        values = canonical.numbers(column) if self.stored == "number" else canonical.texts(column)
        self.rows += len(values)
        self.missing += values.null_count
        values = pc.drop_null(values)
        if self.stored == "number" and len(values):
            self._measure(values)
        self._count(values)
        self._remember(values)

    def _measure(self, values: pa.Array) -> None:
        self.infinite = self.infinite or bool(pc.any(pc.is_inf(values)).as_py())
        ends = pc.min_max(values).as_py()
        self.low = ends["min"] if self.low is None else min(self.low, ends["min"])
        self.high = ends["max"] if self.high is None else max(self.high, ends["max"])
        self.whole = self.whole and bool(pc.all(pc.equal(values, pc.floor(values))).as_py())
        self.total += float(pc.sum(values).as_py())

    def _count(self, values: pa.Array) -> None:
        if self.counts is None:
            return
        found = pc.value_counts(values)
        for entry in found.to_pylist() if len(found) <= MOST_LEVELS else ():
            self.counts[canonical.canonical_text(entry["values"])] += entry["counts"]
        if max(len(found), len(self.counts)) > MOST_LEVELS:
            self.counts = None

    def _remember(self, values: pa.Array) -> None:
        if self.seen is None or not (self.stored == "text" or (self.stored == "number" and self.whole)):
            self.seen = None
            return
        before = len(self.seen)
        self.seen.update(values.to_pylist())
        if len(self.seen) < before + len(values):
            self.seen = None

    def column(self) -> Column:
        """What was found."""
        known = self.rows - self.missing
        number = self.stored == "number"
        levels = None if self.counts is None else tuple(sorted(self.counts, key=float) if number else sorted(self.counts))
        return Column(
            name=self.name,
            stored=self.stored,
            rows=self.rows,
            missing=self.missing,
            levels=levels,
            commonest=self.counts.most_common(1)[0][0] if self.counts else None,
            low=self.low,
            high=self.high,
            mean=self.total / known if number and known else None,
            whole=number and self.whole,
            infinite=self.infinite,
            unique=self.seen is not None and not self.missing and known > 1,
        )


def profile_table(path: Path) -> tuple[Column, ...]:
    """All columns of a table file in its order; raises DataError for a file that is no table, or has no rows."""
    if path.is_dir():
        raise DataError(f"{path} is a folder; expected a table: .csv, .parquet or .feather")
    schema = arrow_schema(path)
    tallies = _tallies(path, schema)
    read = [tally for tally in tallies if tally.stored in ("number", "text", "boolean")]
    if not read:
        raise DataError(f"{path}: no column holds numbers or text")
    rows = 0
    for batch in stream(path, [tally.name for tally in read]):
        rows += batch.num_rows
        for tally in read:
            tally.add(batch.column(tally.name))
    if rows == 0:
        raise DataError(f"{path}: the table has no rows")
    return tuple(tally.column() for tally in tallies)


def merge_profiles(columns: Sequence[Column], others: Iterable[Column]) -> tuple[Column, ...]:
    """`columns` with what other tables hold in columns of the same name: levels of all, the wider range, missing values anywhere."""
    further: dict[str, list[Column]] = {}
    for other in others:
        further.setdefault(other.name, []).append(other)
    return tuple(_merged([column, *further.get(column.name, [])]) for column in columns)


def _merged(found: list[Column]) -> Column:
    first = found[0]
    if len(found) == 1:
        return first
    stored = first.stored if all(column.stored == first.stored for column in found) else "text"
    levels = None if any(column.levels is None for column in found) else {level for column in found for level in column.levels or ()}
    lows, highs = ([value for column in found if (value := getattr(column, side)) is not None] for side in ("low", "high"))
    return Column(
        name=first.name,
        stored=stored,
        rows=first.rows,
        missing=sum(column.missing for column in found),
        levels=None if levels is None or len(levels) > MOST_LEVELS else tuple(sorted(levels, key=float) if stored == "number" else sorted(levels)),
        commonest=first.commonest,
        low=min(lows, default=None) if stored == "number" else None,
        high=max(highs, default=None) if stored == "number" else None,
        mean=first.mean if stored == "number" else None,
        whole=all(column.whole for column in found),
        infinite=any(column.infinite for column in found),
        unique=first.unique,
    )


def _tallies(path: Path, schema: pa.Schema) -> list[_Tally]:
    kinds = {item.name: item.type.value_type if pa.types.is_dictionary(item.type) else item.type for item in schema}
    held_as_text = [name for name, kind in kinds.items() if canonical.is_text(kind)]
    csv = file_format(path) == "csv"
    offenders = set(text_offenders(path, held_as_text)) if csv else set(held_as_text)
    return [_Tally(name, _stored(kind, text=name in offenders)) for name, kind in kinds.items()]


def _stored(kind: pa.DataType, *, text: bool) -> str:
    if pa.types.is_boolean(kind):
        return "boolean"
    if canonical.is_text(kind):
        return "text" if text else "number"
    return "number" if canonical.is_number(kind) else str(kind)
