"""Raw columns to the numbers a network takes, and back; fitted on reference data or declared, and described as plain data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.data.batch import Batch, Players
from audit.data.canonical import canonical_text
from audit.data.dataset import ColumnSchema, Dataset, RowBlock, Schema
from audit.data.leaf import Arguments
from audit.data.statistics import ColumnStatistics, column_statistics
from audit.data_config import ColumnConfig
from audit.errors import DataError, SubjectError, nearest

MISSING_LEVEL = "(missing)"
"""Name of the level that missing values have under the policy ``level``."""


class Encoder(Protocol):
    """Raw rows to the leaf a network takes, and back."""

    @property
    def players(self) -> Players: ...

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of the flattened leaf."""
        ...

    @property
    def digest(self) -> str:
        """sha256 of the description; hexadecimal."""
        ...

    @property
    def description(self) -> dict[str, Any]:
        """Plain data for the run."""
        ...

    def encode(self, block: RowBlock) -> Batch: ...

    def decode(self, values: NDArray[Any]) -> dict[str, NDArray[Any]]: ...


@runtime_checkable
class StructuredEncoder(Encoder, Protocol):
    """An encoder of rows that are not one array of numbers alone: it says what the network is called with, and what is left where nothing is."""

    @property
    def arguments(self) -> Arguments: ...

    @property
    def needs_background(self) -> bool:
        """Whether reference rows stand for what is left out."""
        ...

    def alike(self, values: NDArray[Any]) -> NDArray[Any] | None:
        """(n, …): rows of `values` (n, …) with the same entries here share what stands for absent; None when all rows do."""
        ...

    def owners(self, values: NDArray[Any]) -> NDArray[np.int64] | None:
        """Players of the entries of each flattened row, (n, entries), where rows have players of their own; else None."""
        ...

    def absent(self, row: NDArray[Any], background: NDArray[Any]) -> NDArray[Any]:
        """What stands in for an encoded `row` (…) when all its players are left out, (b, …), from background rows where they are needed."""
        ...


@dataclass(frozen=True)
class NumericCode:
    """(x - shift) / scale; a missing x is `fill`, and an `indicator` entry says where."""

    name: str
    shift: float
    scale: float
    fill: float | None
    indicator: bool

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries."""
        return (self.name, f"{self.name} missing") if self.indicator else (self.name,)

    def encode(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """(n, entries)."""
        missing = np.isnan(values)
        if missing.any() and self.fill is None:
            raise DataError(f"column {self.name!r}: {int(missing.sum())} missing values, and the policy is to refuse them")
        filled = np.where(missing, 0.0 if self.fill is None else self.fill, values)
        scaled = (filled - self.shift) / self.scale
        return np.stack([scaled, missing.astype(np.float64)], axis=1) if self.indicator else scaled[:, None]

    def decode(self, encoded: NDArray[np.float64]) -> NDArray[Any]:
        """(n,) float64; NaN where the indicator says missing."""
        values = encoded[:, 0] * self.scale + self.shift
        return np.where(encoded[:, 1] > 0.5, np.nan, values) if self.indicator else values


@dataclass(frozen=True)
class LevelCode:
    """Position in `levels`, as one number or one entry per level; a missing value is `fill`, and an `indicator` entry says where."""

    name: str
    levels: tuple[str, ...]
    one_hot: bool
    fill: str | None
    indicator: bool

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries."""
        own = tuple(f"{self.name}={level}" for level in self.levels) if self.one_hot else (self.name,)
        return (*own, f"{self.name} missing") if self.indicator else own

    def encode(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """(n, entries); raises DataError for a level that was not declared or found in the reference data."""
        codes, found = pd.factorize(values)
        missing = codes < 0
        if missing.any() and self.fill is None:
            raise DataError(f"column {self.name!r}: {int(missing.sum())} missing values, and the policy is to refuse them")
        places = np.array([*map(self._place, found), -1 if self.fill is None else self._place(self.fill)], dtype=np.int64)[codes]
        own = np.eye(len(self.levels))[places] if self.one_hot else places[:, None].astype(np.float64)
        return np.concatenate([own, missing[:, None].astype(np.float64)], axis=1) if self.indicator else own

    def decode(self, encoded: NDArray[np.float64]) -> NDArray[Any]:
        """(n,) of ``str | None``: the level with the largest entry, or the nearest position."""
        own = encoded[:, : len(self.levels)] if self.one_hot else encoded[:, 0]
        places = own.argmax(axis=1) if self.one_hot else np.clip(np.rint(own), 0, len(self.levels) - 1).astype(np.int64)
        words = np.array([None if level == MISSING_LEVEL else level for level in self.levels], dtype=object)[places]
        return np.asarray(np.where(encoded[:, -1] > 0.5, None, words) if self.indicator else words, dtype=object)

    def _place(self, level: Any) -> int:
        word = canonical_text(level)
        if word not in self.levels:
            raise DataError(
                f"column {self.name!r}: level {word!r} is not known: {nearest(word, self.levels)} (levels: {', '.join(self.levels[:20])})"
            )
        return self.levels.index(word)


@dataclass(frozen=True)
class TableEncoder:
    """All columns side by side, in the order of the schema; made by `fit_table_encoder`."""

    codes: tuple[NumericCode | LevelCode, ...]
    dtype: str
    feature_groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Names of units of several columns, with their columns."""

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of a row."""
        return tuple(entry for code in self.codes for entry in code.entries)

    @property
    def by_column(self) -> Players:
        """One player per raw column."""
        owner = np.repeat(np.arange(len(self.codes)), [len(code.entries) for code in self.codes]).astype(np.int64)
        return Players(tuple(code.name for code in self.codes), owner)

    @property
    def players(self) -> Players:
        """One player per raw column, or group of columns, at the place of its first."""
        single = self.by_column
        unit = {column: name for name, columns in self.feature_groups for column in columns}
        names = tuple(dict.fromkeys(unit.get(name, name) for name in single.names))
        place = np.array([names.index(unit.get(name, name)) for name in single.names], dtype=np.int64)
        return Players(names, place[single.owner])

    @property
    def description(self) -> dict[str, Any]:
        """Plain data for the run."""
        columns = [{"code": "numeric" if isinstance(code, NumericCode) else "level"} | _plain(code) for code in self.codes]
        together = {"feature_groups": {name: list(held) for name, held in self.feature_groups}} if self.feature_groups else {}
        return {"kind": "table", "dtype": self.dtype, "columns": columns} | together

    @property
    def digest(self) -> str:
        """sha256 of the description; hexadecimal."""
        return hashlib.sha256(json.dumps(self.description, sort_keys=True).encode()).hexdigest()

    def encode(self, block: RowBlock) -> Batch:
        """The leaf ``values`` (n, entries); raises DataError for an unknown level and a missing value that no policy covers."""
        values = np.empty((len(block), sum(len(code.entries) for code in self.codes)), dtype=self.dtype)
        start = 0
        for code in self.codes:
            part = code.encode(block.values[code.name])
            values[:, start : start + part.shape[1]] = part
            start += part.shape[1]
        return Batch({"values": values}, "values", block)

    def decode(self, values: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Raw columns from encoded rows (n, entries); filled missing values stay filled."""
        ends = np.cumsum([len(code.entries) for code in self.codes])[:-1]
        parts = np.split(np.asarray(values, dtype=np.float64), ends, axis=1)
        return {code.name: code.decode(part) for code, part in zip(self.codes, parts, strict=True)}


def fit_table_encoder(schema: Schema, reference: Dataset | None, declared: Mapping[str, ColumnConfig], dtype: str) -> TableEncoder:
    """The encoder of `schema`: statistics as `declared`, else from the `reference` data.

    `dtype` is ``"float32"`` or ``"float64"``. Raises SubjectError when a statistic is needed and there is no reference data, and for an
    encoding that does not suit the kind of a column.
    """
    needs = {c.name: need for c in schema.columns if (need := _need(c, declared.get(c.name, ColumnConfig())))}
    if needs and reference is None:
        name, need = next(iter(needs.items()))
        raise SubjectError(f"column {name!r}: {need} needs reference data (data.reference), or declare mean and scale, min and max, or fill")
    statistics = column_statistics(reference, schema, tuple(needs)) if reference is not None and needs else {}
    return TableEncoder(tuple(_code(c, declared.get(c.name, ColumnConfig()), statistics.get(c.name)) for c in schema.columns), dtype)


def _need(column: ColumnSchema, given: ColumnConfig) -> str:
    """What of the column must be fitted; empty when nothing."""
    if given.encode == "standard" and (given.mean is None or given.scale is None):
        return "encode = 'standard'"
    if given.encode == "minmax" and (column.minimum is None or column.maximum is None):
        return "encode = 'minmax'"
    if column.missing in ("mean", "median", "indicator"):
        return f"missing = {column.missing!r}"
    return ""


def _code(column: ColumnSchema, given: ColumnConfig, found: ColumnStatistics | None) -> NumericCode | LevelCode:
    legal = {"numeric": ("none", "standard", "minmax"), "binary": ("none", "ordinal"), "ordinal": ("ordinal", "one_hot")}.get(
        column.kind, ("one_hot", "ordinal")
    )
    if given.encode is not None and given.encode not in legal:
        raise SubjectError(f"column {column.name!r} is {column.kind}; encode = {given.encode!r} does not suit it: expected one of {', '.join(legal)}")
    return _numeric(column, given, found) if column.kind == "numeric" else _level(column, given, found)


def _numeric(column: ColumnSchema, given: ColumnConfig, found: ColumnStatistics | None) -> NumericCode:
    if column.missing == "level":
        raise SubjectError(f"column {column.name!r} is numeric; missing = 'level' is for categorical and ordinal columns, use 'indicator'")
    shift, scale = 0.0, 1.0
    if given.encode == "standard":
        shift = float(given.mean) if given.mean is not None else _of(found).mean
        scale = float(given.scale) if given.scale is not None else _of(found).deviation
    elif given.encode == "minmax":
        shift = column.minimum if column.minimum is not None else _of(found).minimum
        scale = (column.maximum if column.maximum is not None else _of(found).maximum) - shift
    if scale == 0:
        raise SubjectError(f"column {column.name!r} does not vary, so it cannot be scaled; declare encode = 'none'")
    return NumericCode(column.name, shift, scale, _numeric_fill(column, found), column.missing == "indicator")


def _numeric_fill(column: ColumnSchema, found: ColumnStatistics | None) -> float | None:
    if column.missing == "constant":
        if not isinstance(column.fill, (int, float)):
            raise SubjectError(f"column {column.name!r}: missing = 'constant' needs fill, a number; found {column.fill!r}")
        return float(column.fill)
    if column.missing == "refuse":
        return None
    return _of(found).median if column.missing == "median" else _of(found).mean


def _level(column: ColumnSchema, given: ColumnConfig, found: ColumnStatistics | None) -> LevelCode:
    levels = column.levels
    if not levels:
        raise SubjectError(f"column {column.name!r} is {column.kind} and has no levels")
    if column.missing in ("mean", "median") or (column.missing == "level" and column.kind == "binary"):
        raise SubjectError(f"column {column.name!r} is {column.kind}; missing = {column.missing!r} is for another kind of column")
    one_hot = column.kind != "binary" and given.encode != "ordinal" and (column.kind == "categorical" or given.encode == "one_hot")
    if column.missing == "level":
        return LevelCode(column.name, (*levels, MISSING_LEVEL), one_hot, MISSING_LEVEL, False)
    if column.missing == "constant":
        if column.fill is None:
            raise SubjectError(f"column {column.name!r}: missing = 'constant' needs fill, one of its levels")
        return LevelCode(column.name, levels, one_hot, canonical_text(column.fill), False)
    fill = _of(found).commonest if column.missing == "indicator" else None
    return LevelCode(column.name, levels, one_hot, fill, column.missing == "indicator")


def _of(found: ColumnStatistics | None) -> ColumnStatistics:
    if found is None:
        raise AssertionError("a statistic is used that `_need` does not ask for")
    return found


def _plain(code: NumericCode | LevelCode) -> dict[str, Any]:
    if isinstance(code, NumericCode):
        return {"name": code.name, "shift": code.shift, "scale": code.scale, "fill": code.fill, "indicator": code.indicator}
    return {"name": code.name, "levels": list(code.levels), "one_hot": code.one_hot, "fill": code.fill, "indicator": code.indicator}
