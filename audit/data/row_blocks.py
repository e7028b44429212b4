"""Canonical Arrow columns cut into blocks of rows, with no more of them in memory at a time than a block needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from audit.data import canonical
from audit.data.dataset import RowBlock


@dataclass(frozen=True)
class ColumnPlan:
    """How one column is read: as numbers or as text, and which values mean missing."""

    name: str
    number: bool
    numeric_text: bool = False
    codes: tuple[float | str, ...] = ()

    def read(self, column: pa.Array) -> pa.Array:
        """The column as float64 or text, with nulls."""
        return canonical.numbers(column, self.codes) if self.number else canonical.texts(column, self.codes, numeric=self.numeric_text)


def pieces_of(tables: Iterator[pa.Table], size: int) -> Iterator[dict[str, pa.ChunkedArray]]:
    """The columns of `size` rows at a time, not kept here, so that whoever takes one out frees it."""
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        held.append(table)
        count += table.num_rows
        if count < size:
            continue
        whole = pa.concat_tables(held)
        cut = count - count % size
        pieces = [columns_of(whole.slice(start, size)) for start in range(0, cut, size)]
        held, count = [whole.slice(cut)] if count > cut else [], count - cut
        del whole, table
        while pieces:
            yield pieces.pop(0)
    if count:
        yield columns_of(pa.concat_tables(held))


def columns_of(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    """The columns of a table by name."""
    return dict(zip(table.column_names, table.columns, strict=True))


def row_block(columns: dict[str, pa.ChunkedArray], plans: Sequence[ColumnPlan], positions: NDArray[np.int64] | int) -> RowBlock:
    """A block at `positions`, or from that position on; empties `columns`, so that no column is held twice for long."""
    count = len(next(iter(columns.values()))) if columns else 0
    values = {plan.name: (canonical.float_array if plan.number else canonical.object_array)(one_array(columns.pop(plan.name))) for plan in plans}
    at = np.arange(positions, positions + count, dtype=np.int64) if isinstance(positions, int) else positions
    return RowBlock(at, values)


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece, copied only where it is in several."""
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
