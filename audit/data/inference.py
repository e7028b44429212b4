"""Kinds and levels of columns that were not declared, read from a table file; what was declared wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from audit.data import canonical
from audit.data.dataset import ColumnKind, ColumnSchema, MissingPolicy, Schema
from audit.data.files import arrow_schema, file_format, stream
from audit.data.tables import text_offenders
from audit.data_config import ColumnConfig
from audit.errors import DataError, nearest

_SUITS: dict[ColumnKind, tuple[MissingPolicy, ...]] = {
    "numeric": ("refuse", "mean", "median", "indicator"),
    "binary": ("refuse", "indicator"),
    "categorical": ("refuse", "indicator", "level"),
    "ordinal": ("refuse", "indicator", "level"),
}
"""Policies for the whole file that a kind can follow; a column that cannot refuses missing values."""
_START = 16
"""Numbers looked at first, which tell of most columns that they are not binary."""
_BOOLEANS = frozenset({"False", "True"})


def infer_schema(path: Path, *, columns: Sequence[str], declared: Mapping[str, ColumnConfig], missing: MissingPolicy) -> Schema:
    """Schema of `columns` in this order, from the file and what was `declared`.

    Only 0 and 1 is binary, other numbers are numeric, text is categorical with the sorted levels found. Raises DataError for a column
    that is not there, and for text in a column declared numeric.
    """
    storage = arrow_schema(path)
    for name in columns:
        if name not in storage.names:
            raise DataError(f"{path}: there is no column {name!r}: {nearest(name, storage.names)}")
    return Schema(columns=tuple(_columns(path, storage, columns, declared, missing)))


def _columns(
    path: Path, storage: pa.Schema, columns: Sequence[str], declared: Mapping[str, ColumnConfig], missing: MissingPolicy
) -> list[ColumnSchema]:
    numeric = _numeric(path, storage, columns, declared)
    levels = _levels(path, columns, declared, numeric)
    found = []
    for name in columns:
        given = declared.get(name, ColumnConfig())
        kind = given.kind or _kind(levels[name], name in numeric, bool(given.levels))
        known = tuple(canonical.canonical_text(v) for v in given.levels) if given.levels else _ordered(levels[name], kind, name in numeric)
        if kind == "binary":
            known = _binary_levels(path, name, known)
        found.append(_column(name, kind, given, known if kind != "numeric" else (), missing))
    return found


def _numeric(path: Path, storage: pa.Schema, columns: Sequence[str], declared: Mapping[str, ColumnConfig]) -> set[str]:
    types = {name: t.value_type if pa.types.is_dictionary(t := storage.field(name).type) else t for name in columns}
    csv = file_format(path) == "csv"
    asked = [name for name in columns if canonical.is_text(types[name]) and (csv or (name in declared and declared[name].kind == "numeric"))]
    offenders = text_offenders(path, asked, codes=_codes(declared))
    for name, (row, value) in offenders.items():
        if name in declared and declared[name].kind == "numeric":
            raise DataError(f"{path}: column {name!r} is declared numeric but holds text, first {value!r} at row {row}")
    return {name for name in columns if canonical.is_number(types[name]) or (csv and name not in offenders)}


def _codes(declared: Mapping[str, ColumnConfig]) -> dict[str, tuple[float | str, ...]]:
    return {name: _plain_codes(column) for name, column in declared.items()}


def _plain_codes(column: ColumnConfig) -> tuple[float | str, ...]:
    return tuple(code if isinstance(code, str) else float(code) for code in column.missing_codes)


def _levels(path: Path, columns: Sequence[str], declared: Mapping[str, ColumnConfig], numeric: set[str]) -> dict[str, set[str]]:
    """Values found as text; of a numeric column only until it is plain that it is not binary."""
    found: dict[str, set[str]] = {name: set() for name in columns}
    for batch in stream(path, columns):
        for name in columns:
            given = declared.get(name, ColumnConfig())
            wide = name in numeric and given.kind is None and len(found[name]) > 2
            if given.kind == "numeric" or given.levels or wide:
                continue
            codes = _plain_codes(given)
            column = batch.column(name)
            if name in numeric and given.kind is None:
                found[name] |= _few(canonical.numbers(column, codes), codes)
            else:
                found[name] |= _texts(column, codes, name in numeric)
    return found


def _few(values: pa.Array, codes: tuple[float | str, ...]) -> set[str]:
    """All different numbers, or of more than two only some."""
    first = _texts(values[:_START], codes, True)
    return first if len(first) > 2 else _texts(pc.unique(values)[:_START], codes, True)


def _texts(values: pa.Array, codes: tuple[float | str, ...], numeric: bool) -> set[str]:
    unique = canonical.texts(pc.unique(values), codes, numeric=numeric)
    return {value for value in unique.to_pylist() if value is not None}


def _kind(levels: set[str], numeric: bool, declared_levels: bool) -> ColumnKind:
    if declared_levels:
        return "categorical"
    if levels and levels <= ({"0", "1"} if numeric else _BOOLEANS):
        return "binary"
    return "numeric" if numeric else "categorical"


def _ordered(levels: set[str], kind: ColumnKind, numeric: bool) -> tuple[str, ...]:
    return tuple(sorted(levels, key=float)) if numeric and kind != "numeric" else tuple(sorted(levels))


def _binary_levels(path: Path, name: str, levels: tuple[str, ...]) -> tuple[str, ...]:
    for pair in (("0", "1"), ("False", "True")):
        if set(levels) <= set(pair):
            return pair
    if len(levels) != 2:
        raise DataError(f"{path}: column {name!r} is declared binary but holds {len(levels)} values: {', '.join(map(repr, levels[:5]))}")
    return levels


def _column(name: str, kind: ColumnKind, given: ColumnConfig, levels: tuple[str, ...], missing: MissingPolicy) -> ColumnSchema:
    return ColumnSchema(
        name=name,
        kind=kind,
        unit=given.unit,
        minimum=None if given.min is None else float(given.min),
        maximum=None if given.max is None else float(given.max),
        levels=levels,
        immutable=given.immutable,
        direction=given.direction,
        integer=given.integer,
        missing_codes=_plain_codes(given),
        missing=given.missing or (missing if missing in _SUITS[kind] else "refuse"),
        fill=float(given.fill) if isinstance(given.fill, (int, Decimal)) else given.fill,
        reason=given.reason,
    )
