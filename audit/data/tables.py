"""`TableDataset`: rows of a CSV, Parquet or Arrow file in blocks, checked once when it is opened, never all in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from audit.data import canonical
from audit.data.column_digest import ColumnDigest
from audit.data.dataset import RowBlock, Schema
from audit.data.file_claims import refuse_text_bomb
from audit.data.files import arrow_schema, file_format, parquet_file, stream, text_columns
from audit.data.row_blocks import ColumnPlan, columns_of, one_array, pieces_of, row_block
from audit.errors import DataError, nearest

_SMALL = 64 * 2**20
"""A CSV or Arrow file up to this many bytes is kept in memory after the first `take`."""


@dataclass
class TableDataset:
    """A table file as a `Dataset`; made by `open_table`."""

    path: Path
    name: str
    plans: tuple[ColumnPlan, ...]
    n_rows: int = 0
    digest: str = ""
    _held: dict[int, pa.Table] = field(default_factory=dict, repr=False, compare=False)

    @property
    def columns(self) -> Sequence[str]:
        """All columns that can be read."""
        return tuple(plan.name for plan in self.plans)

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """Rows in order, `size` at a time (the last block may be shorter)."""
        start = 0
        for columns in pieces_of(self.batches(), size):
            block = row_block(columns, self.plans, start)
            start += len(block)
            yield block

    def take(self, positions: NDArray[np.int64]) -> RowBlock:
        """The rows at sorted, unique `positions`; raises DataError for a position the file does not have."""
        positions = np.asarray(positions, dtype=np.int64)
        if len(positions) and (positions[0] < 0 or positions[-1] >= self.n_rows):
            raise DataError(f"{self.path}: positions {positions[0]} to {positions[-1]} asked of {self.n_rows} rows")
        parts = [piece for piece in self._pieces(positions) if piece.num_rows]
        table = pa.concat_tables(parts) if parts else self._read(pa.Table.from_batches([], arrow_schema(self.path)))
        return row_block(columns_of(table), self.plans, positions)

    def batches(self) -> Iterator[pa.Table]:
        """Canonical columns as the file gives them."""
        for batch in stream(self.path, self.columns):
            yield self._read(batch)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_held": {}}

    def _read(self, batch: pa.RecordBatch | pa.Table) -> pa.Table:
        return pa.table({plan.name: plan.read(batch.column(plan.name)) for plan in self.plans})

    def _pieces(self, positions: NDArray[np.int64]) -> Iterator[pa.Table]:
        if file_format(self.path) == "parquet":
            yield from self._row_groups(positions)
            return
        small = self.path.stat().st_size <= _SMALL and not self.path.name.endswith(".gz")
        if small and not self._held:
            self._held[0] = pa.concat_tables(list(self.batches())).combine_chunks()
        start = 0
        for table in [self._held[0]] if small else self.batches():
            inside = positions[(positions >= start) & (positions < start + table.num_rows)] - start
            start += table.num_rows
            yield table.take(pa.array(inside))
            if len(positions) and start > positions[-1]:
                return

    def _row_groups(self, positions: NDArray[np.int64]) -> Iterator[pa.Table]:
        with parquet_file(self.path, text_columns(arrow_schema(self.path), self.columns)) as file:
            sizes = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
            edges = np.concatenate([[0], np.cumsum(sizes)])
            cuts = np.searchsorted(positions, edges)
            for index in np.flatnonzero(np.diff(cuts)).tolist():
                if index not in self._held:
                    self._held.clear()
                    self._held[index] = self._group(file, index)
                yield self._held[index].take(pa.array(positions[cuts[index] : cuts[index + 1]] - edges[index]))

    def _group(self, file: pq.ParquetFile, index: int) -> pa.Table:
        group = file.read_row_group(index, columns=list(self.columns))
        refuse_text_bomb(self.path, group)
        return self._read(group)


def open_table(path: Path, *, name: str, schema: Schema, extra: Sequence[str], text: Collection[str] = ()) -> TableDataset:
    """The dataset `name` in a file: the columns of `schema` and the `extra` ones, those in `text` read as text whatever their storage.

    The file is read through once, which gives the number of rows and the digest. Raises DataError for a file or column that is not there,
    an empty table, text in a numeric input, an infinite input, and a missing input under the policy ``refuse``.
    """
    wanted = list(dict.fromkeys([*schema.names, *extra]))
    storage = arrow_schema(path)
    for column in wanted:
        if column not in storage.names:
            raise DataError(f"{path}: there is no column {column!r}: {nearest(column, storage.names)}")
    dataset = TableDataset(path, name, _plans(path, storage, schema, wanted, text))
    dataset.n_rows, dataset.digest = _inspect(dataset, schema)
    if dataset.n_rows == 0:
        raise DataError(f"{path}: the table has no rows")
    return dataset


def column_names(path: Path) -> tuple[str, ...]:
    """All columns of a table file, in order."""
    return tuple(arrow_schema(path).names)


def check_ids(ids: NDArray[Any]) -> None:
    """Raise DataError when an id occurs twice, naming the first duplicate and how many rows repeat an id."""
    repeated = pd.Series(ids).duplicated().to_numpy()
    if repeated.any():
        first = ids[int(np.flatnonzero(repeated)[0])]
        raise DataError(
            f"ids are not unique: {str(first)!r} occurs again at row {int(np.flatnonzero(repeated)[0])}; {int(repeated.sum())} rows repeat an id"
        )


def text_offenders(path: Path, columns: Sequence[str], codes: Mapping[str, tuple[float | str, ...]] | None = None) -> dict[str, tuple[int, str]]:
    """Of these text columns, those that are not numbers throughout, with the row and value of the first text; `codes` mean missing."""
    known = codes or {}
    found: dict[str, tuple[int, str]] = {}
    start = 0
    for batch in stream(path, columns) if columns else ():
        for column in [name for name in columns if name not in found]:
            if _holds_text(batch.column(column), known.get(column, ())):
                found[column] = _first_text(batch.column(column), known.get(column, ()), start)
        start += batch.num_rows
        if len(found) == len(columns):
            break
    return found


def _first_text(column: pa.Array, codes: tuple[float | str, ...], start: int) -> tuple[int, str]:
    """Row and value of the first text that is no number, by halving: a part is read at once."""
    low, high = 0, len(column)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _holds_text(column.slice(low, middle - low), codes) else (middle, high)
    return start + low, str(column[low].as_py())


def _holds_text(column: pa.Array, codes: tuple[float | str, ...]) -> bool:
    try:
        canonical.numbers(column, codes)
    except pa.ArrowInvalid:
        return True
    return False


def _plans(path: Path, storage: pa.Schema, schema: Schema, wanted: Sequence[str], text: Collection[str]) -> tuple[ColumnPlan, ...]:
    held_as_text = [name for name in wanted if canonical.is_text(_value_type(storage.field(name).type))]
    csv = file_format(path) == "csv"
    asked = [name for name in held_as_text if csv or (name in schema.names and schema[name].kind == "numeric")]
    offenders = text_offenders(path, asked, {column.name: column.missing_codes for column in schema.columns})
    plans = []
    for name in wanted:
        kind = _value_type(storage.field(name).type)
        holds_numbers = canonical.is_number(kind) or (csv and name not in offenders)
        if name in schema.names:
            column = schema[name]
            number = column.kind == "numeric"
            if number and (name in offenders or not (canonical.is_text(kind) or canonical.is_number(kind) or pa.types.is_boolean(kind))):
                raise _not_numeric(path, name, offenders.get(name), kind)
            plans.append(ColumnPlan(name, number, holds_numbers, column.missing_codes))
        else:
            plans.append(ColumnPlan(name, holds_numbers and name not in text, holds_numbers))
    return tuple(plans)


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _not_numeric(path: Path, name: str, offender: tuple[int, str] | None, kind: pa.DataType) -> DataError:
    if offender is None:
        return DataError(f"{path}: column {name!r} is declared numeric but is stored as {kind}")
    row, value = offender
    where = f"line {row + 2}" if file_format(path) == "csv" else f"row {row}"
    return DataError(f"{path}: column {name!r} is declared numeric but holds text, first {value!r} at {where}")


def _inspect(dataset: TableDataset, schema: Schema) -> tuple[int, str]:
    digests = {plan.name: ColumnDigest(plan.number) for plan in dataset.plans}
    missing: dict[str, tuple[int, int]] = {}
    rows = 0
    for table in dataset.batches():
        for plan in dataset.plans:
            column = one_array(table.column(plan.name))
            digests[plan.name].add(column)
            if plan.name in schema.names:
                _check_input(dataset.path, column, plan, rows)
                if column.null_count and schema[plan.name].missing == "refuse":
                    count, first = missing.get(plan.name, (0, rows + pc.index(pc.is_null(column), True).as_py()))
                    missing[plan.name] = (count + column.null_count, first)
        rows += table.num_rows
    for name, (count, first) in missing.items():
        raise DataError(
            f"{dataset.path}: column {name!r} has {count} missing values, first at row {first}; declare data.columns.{name}.missing "
            "(mean, median, constant, indicator or level) to allow them"
        )
    total = hashlib.sha256(str(rows).encode())
    for plan in dataset.plans:
        total.update(f"\0{plan.name}\0{'number' if plan.number else 'text'}\0".encode() + digests[plan.name].digest())
    return rows, total.hexdigest()


def _check_input(path: Path, column: pa.Array, plan: ColumnPlan, start: int) -> None:
    if plan.number:
        infinite = pc.fill_null(pc.is_inf(column), False)
        if pc.any(infinite).as_py():
            raise DataError(
                f"{path}: column {plan.name!r} holds an infinite value at row {start + pc.index(infinite, True).as_py()}; inputs must be finite"
            )
