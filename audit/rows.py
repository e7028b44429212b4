"""`Rows`: what checks read. One row per audited row, one column per probe output, plus labels, groups, weights and small tables.

Columns are read from Parquet parts one at a time and kept only while they are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from audit.data.dataset import Codes, GroupSpec
from audit.errors import StoreError, nearest
from audit.facts import Facts
from audit.streams import generator

POSITION = "position"
"""Column of each part that says which row of the evaluation data a value belongs to."""
INCLUSION = "inclusion"
"""Column of each part with the probability that the row was drawn for measuring, in (0, 1]."""


class Rows:
    """All measured columns of one run, or of the rows one probe measured (`within`).

    Column names are ``<probe>.<column>`` (``outputs.loss``) and ``subject.<column>`` (``subject.label``, ``subject.id``, ``subject.weight``,
    ``subject.labels`` (multilabel), ``subject.cluster``, ``subject.time`` (numbers, or seconds since 1970), ``subject.group.<attribute>``,
    ``subject.input.<raw column>``).
    Values are aligned: every column of one `Rows` has length `n`.
    """

    def __init__(
        self,
        folder: Path,
        facts: Facts,
        *,
        seed: int,
        probes: Mapping[str, str] | None = None,
        positions: NDArray[np.int64] | None = None,
        source: str = "subject",
    ) -> None:
        self.facts = facts
        self._folder = folder
        self._seed = seed
        self._absent = dict(probes or {})
        self._source = source
        self._cache: dict[str, NDArray[Any]] = {}
        self._schemas: dict[str, pa.Schema] = {}
        self._held: dict[str, NDArray[np.int64]] = {}
        self._positions = self._read_position(source) if positions is None else positions

    # ---- size and weights -------------------------------------------------------------------------------------------------------

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self._positions)

    @property
    def positions(self) -> NDArray[np.int64]:
        """Positions of these rows in the evaluation data, ascending."""
        return self._positions

    @property
    def weights(self) -> NDArray[np.float64]:
        """Sample weight over inclusion probability, (n,); all 1 when no weight was declared and every row was measured."""
        weight = self.column("subject.weight").astype(np.float64) if self.has("subject.weight") else np.ones(self.n)
        if self._source != "subject":
            weight = weight / self._aligned(self._source, INCLUSION)
        return weight

    @property
    def absent_probes(self) -> Mapping[str, str]:
        """Probe instances that were not measured, with the reason."""
        return self._absent

    def fresh(self) -> Rows:
        """The same rows with nothing read yet, so that one reader's columns do not stay in memory for the next."""
        return Rows(self._folder, self.facts, seed=self._seed, probes=self._absent, positions=self._positions, source=self._source)

    def some(self, count: int, purpose: str) -> Rows:
        """At most `count` of these rows, drawn evenly at random for `purpose`; all of them when there are no more."""
        if self.n <= count:
            return self
        places = np.sort(self.generator(purpose).choice(self.n, count, replace=False))
        chosen = Rows(self._folder, self.facts, seed=self._seed, probes=self._absent, positions=self._positions[places], source=self._source)
        chosen._cache = {name: values[places] for name, values in self._cache.items()}  # what is read already is not read again
        return chosen

    # ---- columns ----------------------------------------------------------------------------------------------------------------

    def has(self, name: str) -> bool:
        """Whether the column was measured for all of these rows' probe."""
        probe, column = self._split(name)
        return column in self._names(probe)

    def why_absent(self, name: str) -> str:
        """Why a column, or a whole probe, was not measured."""
        probe = name if name in self._absent else self._split(name)[0]
        return self._absent.get(probe, f"{name} was not measured")

    def column(self, name: str) -> NDArray[Any]:
        """Values of one column, (n,) or (n, width) for list columns; raises StoreError with the nearest name when it was not measured."""
        if name not in self._cache:
            probe, column = self._split(name)
            if column not in self._names(probe):
                raise StoreError(f"column {name!r} was not measured: {nearest(name, self.names())}")
            self._cache[name] = self._aligned(probe, column)
        return self._cache[name]

    def names(self) -> list[str]:
        """All columns of the run, sorted."""
        return sorted(f"{probe}.{name}" for probe in self._probes() for name in self._names(probe))

    def numeric(self) -> list[str]:
        """Columns with one number per row that a gap by group has a meaning for: measured, not identifiers, labels, weights or inputs."""
        return [
            name
            for name in self.names()
            if not name.startswith("subject.") and self._type(name) in ("float", "double", "int64", "int32", "int8", "bool")
        ]

    def unit(self, name: str) -> str:
        """Unit of a column; empty when it has none."""
        probe, column = self._split(name)
        field = self._schema(probe).field(column)
        unit: bytes = (field.metadata or {}).get(b"unit", b"")
        return unit.decode()

    # ---- what checks ask most ---------------------------------------------------------------------------------------------------

    @property
    def labels(self) -> NDArray[Any]:
        """Labels (n,): class positions as int64 with -1 for unknown, or float64 with NaN for unknown in regression."""
        return self.column("subject.label")

    @property
    def label_matrix(self) -> NDArray[np.int8]:
        """Multilabel: 1 where the row carries the label, 0 where not, -1 for unknown, (n, K)."""
        return self.column("subject.labels").astype(np.int8)

    @property
    def decision_matrix(self) -> NDArray[np.int8]:
        """Multilabel: 1 where the label was given, 0 where not, -1 where the output was not finite, (n, K)."""
        return self.column("outputs.decisions").astype(np.int8)

    @property
    def decisions(self) -> NDArray[np.int64]:
        """Decided classes (n,), -1 where the output was not finite."""
        return self.column("outputs.decision").astype(np.int64)

    @property
    def selected(self) -> NDArray[np.bool_]:
        """Whether the decision is one of the favourable (else positive) classes, (n,)."""
        return np.isin(self.decisions, self.facts.positive)

    def group(self, attribute: str) -> Codes:
        """Membership in the levels of one protected attribute."""
        spec = self.group_spec(attribute)
        return Codes(self.column(f"subject.group.{attribute}").astype(np.int32), spec.levels)

    def group_spec(self, attribute: str) -> GroupSpec:
        """How an attribute was declared."""
        return next(spec for spec in self.facts.groups if spec.name == attribute)

    def table(self, probe: str, name: str) -> dict[str, NDArray[Any]]:
        """A small table a probe left, as column name to values."""
        path = self._folder / "tables" / probe / f"{name}.parquet"
        if not path.is_file():
            raise StoreError(f"probe {probe!r} left no table {name!r}")
        held = pq.read_table(path)
        return {key: _numpy(values) for key, values in zip(held.column_names, held.columns, strict=True)}

    def has_table(self, probe: str, name: str) -> bool:
        """Whether a probe left the table."""
        return (self._folder / "tables" / probe / f"{name}.parquet").is_file()

    def within(self, probe: str) -> Rows:
        """The rows that `probe` measured (its sample), with weights corrected for the sampling."""
        return Rows(self._folder, self.facts, seed=self._seed, probes=self._absent, positions=self._read_position(probe), source=probe)

    def generator(self, purpose: str) -> np.random.Generator:
        """Random numbers for one purpose: the same in every run with this seed, whatever else runs."""
        return generator(self._seed, purpose)

    def counts(self, by: Sequence[str]) -> dict[tuple[int, ...], int]:
        """Number of rows per combination of integer columns, summed over parts."""
        total: dict[tuple[int, ...], int] = {}
        keys = np.stack([self.column(name).astype(np.int64) for name in by], axis=1)
        found, count = np.unique(keys, axis=0, return_counts=True)
        for key, number in zip(found.tolist(), count.tolist(), strict=True):
            total[tuple(key)] = total.get(tuple(key), 0) + number
        return total

    # ---- reading ----------------------------------------------------------------------------------------------------------------

    def _split(self, name: str) -> tuple[str, str]:
        best = max((probe for probe in self._probes() if name.startswith(probe + ".")), key=len, default="")
        return (best, name[len(best) + 1 :]) if best else (name.rpartition(".")[0], name.rpartition(".")[2])

    def _probes(self) -> list[str]:
        return sorted(folder.name for folder in self._folder.glob("rows/*"))

    def _parts(self, probe: str) -> list[Path]:
        return sorted((self._folder / "rows" / probe).glob("part-*.parquet"))

    def _schema(self, probe: str) -> pa.Schema:
        if probe not in self._schemas:
            self._schemas[probe] = pq.read_schema(self._parts(probe)[0])
        return self._schemas[probe]

    def _names(self, probe: str) -> list[str]:
        return [name for name in self._schema(probe).names if name not in (POSITION, INCLUSION)] if self._parts(probe) else []

    def _type(self, name: str) -> str:
        probe, column = self._split(name)
        return str(self._schema(probe).field(column).type)

    def _read_position(self, probe: str) -> NDArray[np.int64]:
        if not self._parts(probe):
            raise StoreError(f"probe {probe!r} measured no rows")
        if probe not in self._held:
            self._held[probe] = self._read(probe, POSITION).astype(np.int64)
        return self._held[probe]

    def _aligned(self, probe: str, column: str) -> NDArray[Any]:
        values, held = self._read(probe, column), self._read_position(probe)
        if len(held) == len(self._positions) and np.array_equal(held, self._positions):
            return values
        where = np.searchsorted(held, self._positions)
        if (where >= len(held)).any() or (held[np.minimum(where, len(held) - 1)] != self._positions).any():
            raise StoreError(f"{probe}.{column} was measured on other rows; ask within({probe!r})")
        return values[where]

    def _read(self, probe: str, column: str) -> NDArray[Any]:
        return np.concatenate([_numpy(pq.ParquetFile(part).read(columns=[column]).column(0)) for part in self._parts(probe)])


def iterate(folder: Path, probe: str, columns: Sequence[str]) -> Iterator[pa.Table]:
    """The parts of one probe's rows in order, only the named columns."""
    for part in sorted((folder / "rows" / probe).glob("part-*.parquet")):
        yield pq.read_table(part, columns=list(columns))


def _numpy(column: pa.ChunkedArray) -> NDArray[Any]:
    if pa.types.is_fixed_size_list(column.type):
        width = column.type.list_size
        flat = [chunk.flatten().to_numpy(zero_copy_only=False).reshape(-1, width) for chunk in column.chunks]
        return np.concatenate(flat) if flat else np.empty((0, width))
    return np.asarray(column.to_numpy())
