"""`HeldRow`: everything a run holds about one row, read from the one Parquet part of each probe that holds it. Knows no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from audit.facts import Facts
from audit.rows import INCLUSION, POSITION

BATCH = 4096
"""Rows decoded at a time, so that wide parts fit into memory."""


@dataclass(frozen=True)
class HeldRow:
    """Values of one row per probe and column: numbers, text, None, or arrays (width,) of list columns."""

    facts: Facts
    position: int
    values: Mapping[str, Mapping[str, Any]]
    units: Mapping[str, Mapping[str, str]]
    elsewhere: tuple[str, ...]
    """Probes that measured other rows but not this one."""
    folder: Path

    def get(self, probe: str, column: str) -> Any:
        """The value; None when the probe did not measure it for this row."""
        return self.values.get(probe, {}).get(column)

    def probes(self, family: str) -> list[str]:
        """Instances that measured this row whose id begins with `family`, sorted."""
        return sorted(probe for probe in self.values if probe.startswith(family))

    def table(self, probe: str, name: str) -> dict[str, list[Any]] | None:
        """A small table the probe left; None when it left none of this name."""
        path = self._table(probe, name)
        return pq.read_table(path).to_pydict() if path.is_file() else None

    def lines(self, probe: str, name: str, places: Sequence[int]) -> list[dict[str, Any]]:
        """Some lines of a table of any size, in the order asked for; empty when there is no such table."""
        path = self._table(probe, name)
        return pq.read_table(path).take(list(places)).to_pylist() if path.is_file() else []

    def table_rows(self, probe: str, name: str) -> int | None:
        """Number of lines of a table, without reading it; None when there is none."""
        path = self._table(probe, name)
        return int(pq.read_metadata(path).num_rows) if path.is_file() else None

    def _table(self, probe: str, name: str) -> Path:
        return self.folder / "tables" / probe / f"{name}.parquet"


def held_row(folder: Path, facts: Facts, position: int) -> HeldRow:
    """The row at `position` of the evaluation data."""
    values, units, elsewhere = {}, {}, []
    for probe in sorted(path.name for path in folder.glob("rows/*")):
        found = next((row for part in sorted((folder / "rows" / probe).glob("part-*.parquet")) if (row := _row(part, position)) is not None), None)
        if found is None:
            elsewhere.append(probe)
            continue
        values[probe] = {field.name: _value(found.column(i)) for i, field in enumerate(found.schema) if field.name not in (POSITION, INCLUSION)}
        units[probe] = {field.name: (field.metadata or {}).get(b"unit", b"").decode() for field in found.schema}
    return HeldRow(facts, position, values, units, tuple(elsewhere), folder)


def _row(part: Path, position: int) -> pa.Table | None:
    """One line of a part; None when the part does not hold the position."""
    with pq.ParquetFile(part) as file:
        held = file.read([POSITION]).column(0).to_numpy()
        place = int(np.searchsorted(held, position))
        if place == len(held) or held[place] != position:
            return None
        for number, batch in enumerate(file.iter_batches(batch_size=BATCH)):
            if place < (number + 1) * BATCH:
                return pa.Table.from_batches([batch.slice(place - number * BATCH, 1)])
    return None


def _value(column: pa.ChunkedArray) -> Any:
    value = column[0].as_py()
    return np.asarray(value, dtype=np.float64) if isinstance(value, list) else value
