"""The `Dataset` protocol: a reader of row blocks with a schema. It is never assumed to fit in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

ColumnKind = Literal["numeric", "binary", "categorical", "ordinal", "image", "text", "series"]
MissingPolicy = Literal["refuse", "mean", "median", "constant", "indicator", "level"]


@dataclass(frozen=True, kw_only=True)
class ColumnSchema:
    """One raw column that the network is given."""

    name: str
    kind: ColumnKind
    unit: str = ""
    minimum: float | None = None
    """Smallest legal value; None when undeclared."""
    maximum: float | None = None
    """Largest legal value; None when undeclared."""
    levels: tuple[str, ...] = ()
    """Levels of a categorical or ordinal column, in order; empty for numeric and image."""
    immutable: bool = False
    """A person cannot change it (age, history)."""
    direction: Literal["any", "increase", "decrease"] = "any"
    """How a person can change it."""
    integer: bool = False
    """Only whole numbers are legal."""
    missing_codes: tuple[float | str, ...] = ()
    """Values that mean missing."""
    missing: MissingPolicy = "refuse"
    """What the encoder does with a missing value: ``mean`` and ``median`` are of the reference data; ``indicator`` also adds a 0/1 entry;
    ``level`` makes missing a level of its own (categorical and ordinal)."""
    fill: float | str | None = None
    """The value for ``missing="constant"``."""
    shape: tuple[int, ...] = ()
    """(channels, height, width) of an image column, or (height, width, channels) where the network takes that; (length,) of a channel of a
    series; empty otherwise."""
    reason: str = ""
    """What is told of it where it is a candidate reason of an adverse decision; empty for its name."""

    @property
    def single(self) -> bool:
        """Whether each row has one value, which rows can share: neither image, text nor series."""
        return self.kind not in ("image", "text", "series")


@dataclass(frozen=True)
class Schema:
    """All columns the network is given, in the order of the encoder."""

    columns: tuple[ColumnSchema, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> ColumnSchema:
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True)
class RowBlock:
    """Consecutive or selected raw rows.

    `values` maps a column name to its raw values: float64 (n,) with NaN for missing for numeric columns, object (n,) of ``str | None`` for
    all others, float32 (n, channels, height, width) for images, float64 (n, length) with NaN after the end for a channel of a series. Besides
    the network's inputs it holds every column the audit file names.
    """

    positions: NDArray[np.int64]
    """Positions of the rows in their dataset, (n,)."""
    values: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True)
class Codes:
    """A categorical column as integers: `codes` (n,) in 0…len(levels)-1, -1 for unknown membership."""

    codes: NDArray[np.int32]
    levels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class GroupSpec:
    """A protected attribute: where it is read and how it is cut."""

    name: str
    column: str
    levels: tuple[str, ...]
    """Levels found in the data, sorted; -1 codes are unknown."""
    reference: str | None = None
    """Level that others are compared with; None for the level with the best rate."""
    unknown: tuple[str, ...] = ()
    """Raw values that mean unknown."""
    bins: tuple[float, ...] = ()
    """Cut points of a continuous attribute."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """Declared population share per level; empty when undeclared."""
    best: bool = False
    """The level with the highest selection rate among those with enough rows is the one that others are compared with."""
    part: str | None = None
    """The value that a row has or has not; None for an attribute in which each row has one of several levels."""
    separator: str = ""
    """Between the values of a row that can have several; empty where it has one."""


class Dataset(Protocol):
    """A reader of row blocks. Implementations hold paths and schemas, never all rows of a table file."""

    @property
    def name(self) -> str:
        """``evaluate``, ``reference`` or ``calibration``."""
        ...

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        ...

    @property
    def digest(self) -> str:
        """sha256 of the content of the columns that are read, independent of block size; hexadecimal."""
        ...

    @property
    def columns(self) -> Sequence[str]:
        """All columns that can be read."""
        ...

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """Rows in order, `size` at a time (the last block may be shorter)."""
        ...

    def take(self, positions: NDArray[np.int64]) -> RowBlock:
        """The rows at sorted, unique `positions`."""
        ...
