"""Storage to content: any Arrow column as float64 with nulls, or as text with nulls, whatever type a file stored it in."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

NULL_SPELLINGS = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "null", "NULL", "None")
"""Texts that mean missing in a column of numbers."""
_WHOLE = 2.0**53


def is_number(kind: pa.DataType) -> bool:
    """Whether the storage type holds numbers (booleans do not)."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def is_text(kind: pa.DataType) -> bool:
    """Whether the storage type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def numbers(column: pa.Array, codes: Collection[float | str] = ()) -> pa.Array:
    """The column as float64 with null for missing; `codes` become null. Raises ArrowInvalid when a text is not a number."""
    column = _plain(column)
    if is_text(column.type):
        column = pc.utf8_trim_whitespace(column)
        column = pc.if_else(
            pc.is_in(column, pa.array([*NULL_SPELLINGS, *(c for c in codes if isinstance(c, str))], column.type)),
            pa.scalar(None, column.type),
            column,
        )
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    values = column.cast(pa.float64(), safe=False)
    missing = pc.is_nan(values)
    coded = _numeric_codes(codes)
    if coded:
        missing = pc.or_(missing, pc.is_in(values, pa.array(coded, pa.float64())))
    return pc.if_else(missing, pa.scalar(None, pa.float64()), values)


def texts(column: pa.Array, codes: Collection[float | str] = (), *, numeric: bool = False) -> pa.Array:
    """The column as text with null for missing: 3.0 is ``"3"``, true is ``"True"``.

    `numeric` says that a text column holds numbers only, so that ``"3.0"`` is ``"3"`` as well. `codes` become null.
    """
    column = _plain(column)
    values = _as_text(column, numeric).cast(pa.large_string())
    if codes:
        values = pc.if_else(
            pc.is_in(values, pa.array([canonical_text(c) for c in codes], pa.large_string())), pa.scalar(None, pa.large_string()), values
        )
    return values


def canonical_text(value: Any) -> str:
    """One value as `texts` writes it."""
    if isinstance(value, (str, bool, np.bool_)):
        return str(value)
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < _WHOLE else repr(number)


def float_array(column: pa.Array) -> NDArray[np.float64]:
    """float64 with NaN for null."""
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def object_array(column: pa.Array) -> NDArray[Any]:
    """Objects, ``str`` or None; equal texts share one object."""
    encoded = column.dictionary_encode()
    words = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    index = encoded.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
    return np.asarray(words[index], dtype=object)


def _plain(column: pa.Array) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _numeric_codes(codes: Collection[float | str]) -> list[float]:
    found: list[float] = []
    for code in codes:
        try:
            number = float(code)
        except ValueError:
            continue
        # A file may have stored the code as float32.
        found += [number, float(np.float32(number))] if abs(number) < float(np.finfo(np.float32).max) else [number]
    return found


def _as_text(column: pa.Array, numeric: bool) -> pa.Array:
    kind = column.type
    if pa.types.is_boolean(kind):
        return pc.if_else(column, "True", "False")
    if pa.types.is_decimal(kind):
        column, kind = column.cast(pa.float64()), pa.float64()
    if pa.types.is_floating(kind):
        return _float_text(column.cast(pa.float64()))
    if is_text(kind) and numeric:
        return pc.replace_substring_regex(column, pattern=r"^\s*([+-]?\d+)\.0*\s*$", replacement=r"\1")
    return column if is_text(kind) else column.cast(pa.string())


def _float_text(values: pa.Array) -> pa.Array:
    whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), _WHOLE))
    integers = pc.if_else(whole, values, pa.scalar(None, pa.float64())).cast(pa.int64()).cast(pa.string())
    if integers.null_count == values.null_count:
        return integers
    # Only what is not whole is written by Python, which gives the shortest text that reads back equal.
    broken = pc.fill_null(pc.invert(whole), False)
    rest = pa.array([None if math.isnan(value) else repr(value) for value in pc.filter(values, broken).to_pylist()], pa.string())
    return pc.replace_with_mask(integers, broken, rest)
