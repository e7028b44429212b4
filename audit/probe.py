"""`@probe`: an instrument, the only thing that sees the model. It knows no limits and no words."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit.check import NEEDS, identity
from audit.data.batch import Batch
from audit.data.dataset import RowBlock
from audit.settings import read_settings
from audit.streams import generator
from audit.witness import Reference

if TYPE_CHECKING:
    from audit.subject import Subject

Scope = Literal["rows", "subject"]
Columns = Mapping[str, NDArray[Any]]
"""Column name to values (n,) or (n, width); a name must be one the probe declares."""
Table = Mapping[str, Any]
"""Column name to equally long values."""


@dataclass(frozen=True)
class Column:
    """Unit and meaning of one column; `about` is a sentence for readers."""

    about: str
    unit: str = ""


@dataclass(frozen=True)
class Prepared:
    """What `prepare` leaves: `state` (dataclass or mapping of arrays, picklable) and small `tables` kept in the run."""

    state: Any = None
    tables: Mapping[str, Table] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """What `measure` sees: raw rows, their encoding, the subject, the columns of earlier probes, and the stream of each row."""

    subject: Subject
    rows: RowBlock
    reads: Mapping[str, NDArray[Any]]
    """Columns of the probes it reads, by full name (``outputs.decision``), aligned with `rows`."""
    seed: int
    purpose: str

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def batch(self) -> Batch:
        """The rows as the network takes them."""
        return self.subject.encode(self.rows)

    def generators(self) -> list[np.random.Generator]:
        """One random stream per row, the same whatever the batching."""
        return [generator(self.seed, self.purpose, int(position)) for position in self.rows.positions]


PrepareFunction = Callable[..., Prepared]
MeasureFunction = Callable[..., Columns]
WitnessFunction = Callable[..., Reference]


class Probe:
    """A discovered instrument. Calling it measures one block; `prepare` runs once before."""

    def __init__(
        self,
        function: MeasureFunction,
        *,
        scope: Scope,
        needs: frozenset[str],
        reads: tuple[str, ...],
        columns: Mapping[str, Column],
        sample: int | None,
        block: int,
        tasks: frozenset[str],
        sampled_with: str = "",
    ) -> None:
        self.id = identity(function, "audit.probes.")
        self.function = function
        self.scope = scope
        self.needs = needs
        self.reads = reads
        self.columns = columns
        self.sample = sample
        self.block = block
        self.tasks = tasks
        self.sampled_with = sampled_with
        """Id of a probe from whose sample this one takes its first rows (or all of them, and more); empty for a sample of its own."""
        self.about = (inspect.getdoc(function) or "").split("\n\n")[0]
        self.settings = read_settings(function)
        self._prepare: PrepareFunction | None = None
        self._witness: WitnessFunction | None = None
        self.library = ""
        """The library whose witness it has; empty without one."""

    def prepare(self, function: PrepareFunction) -> PrepareFunction:
        """Register ``(subject, *, settings…) -> Prepared``; its settings must be settings of the probe with the same defaults."""
        self._only_own_settings(function)
        self._prepare = function
        return function

    def witness(self, library: str) -> Callable[[WitnessFunction], WitnessFunction]:
        """Register ``(block, state, measured, *, settings…) -> Reference``: a few measured rows recomputed with `library`.

        Rows are drawn among those whose column `values`, which the probe must declare, is finite.
        """
        if "values" not in self.columns:
            raise TypeError(f"{self.id} has no column 'values' that a witness could recompute")

        def register(function: WitnessFunction) -> WitnessFunction:
            self._only_own_settings(function)
            self._witness, self.library = function, library
            return function

        return register

    def recompute(self, block: Block, state: Any, measured: Columns, settings: Mapping[str, Any]) -> Reference:
        """What the other library makes of the rows of `block`, whose `measured` columns are ours; raises TypeError without a witness."""
        if self._witness is None:
            raise TypeError(f"{self.id} has no witness")
        return self._witness(block, state, measured, **{name: settings[name] for name in read_settings(self._witness).defaults})

    def _only_own_settings(self, function: Callable[..., Any]) -> None:
        extra = {k: v for k, v in read_settings(function).defaults.items() if self.settings.defaults.get(k, _MISSING) != v}
        if extra:
            raise TypeError(f"{self.id}: {function.__name__} has settings {sorted(extra)} that measure does not have with the same default")

    def prepared(self, subject: Subject, settings: Mapping[str, Any]) -> Prepared:
        """Run `prepare` with those of the settings it takes."""
        if self._prepare is None:
            return Prepared()
        wanted = read_settings(self._prepare).defaults
        return self._prepare(subject, **{name: settings[name] for name in wanted})

    def measure(self, block: Block, state: Any, settings: Mapping[str, Any]) -> Columns:
        """Columns of one block; raises TypeError for a column it does not declare or of another length."""
        columns = self.function(block, state, **settings)
        for name, values in columns.items():
            if name not in self.columns:
                raise TypeError(f"{self.id} measured {name!r}, which it does not declare")
            if len(values) != len(block):
                raise TypeError(f"{self.id}.{name} has {len(values)} values for {len(block)} rows")
        return columns

    @property
    def source_digest(self) -> str:
        """sha256 of the module the probe is written in."""
        return hashlib.sha256(inspect.getsource(inspect.getmodule(self.function)).encode()).hexdigest()  # type: ignore[arg-type]


_MISSING = object()


def probe(
    *,
    columns: Mapping[str, Column],
    scope: Scope = "rows",
    needs: frozenset[str] | set[str] = frozenset(),
    reads: tuple[str, ...] = (),
    sample: int | None = None,
    block: int = 65_536,
    tasks: frozenset[str] | set[str] = frozenset(),
    sampled_with: str = "",
) -> Callable[[MeasureFunction], Probe]:
    """Turn ``(block, state, *, settings…) -> columns`` into a probe.

    `sample`: rows measured by default (None for all), those of the probe `sampled_with` first. `block`: rows per block. `reads`: ids of probes whose
    columns it sees. A probe of ``scope="subject"`` does all of its work in `prepare` and leaves tables; its measure function is never called.
    """
    unknown = frozenset(needs) - NEEDS
    if unknown:
        raise TypeError(f"unknown needs {sorted(unknown)}; legal: {sorted(NEEDS)}")

    def wrap(function: MeasureFunction) -> Probe:
        return Probe(
            function,
            scope=scope,
            needs=frozenset(needs),
            reads=reads,
            columns=columns,
            sample=sample,
            block=block,
            tasks=frozenset(tasks),
            sampled_with=sampled_with,
        )

    return wrap
