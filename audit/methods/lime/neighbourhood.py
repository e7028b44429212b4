"""Rows drawn around nowhere in particular: LIME's neighbourhood of a table depends on the reference data only, so all rows can share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError
from audit.methods.lime.column_sampler import ColumnSampler


@dataclass(frozen=True)
class Neighbourhood:
    """Drawn rows."""

    codes: NDArray[np.int64]
    """Bin or level of each column, (m, columns)."""
    values: tuple[NDArray[Any], ...]
    """Raw values, one array (m,) per column."""


def draw_neighbourhood(columns: Sequence[ColumnSampler], size: int, *, generator: np.random.Generator, lime_compat: bool = False) -> Neighbourhood:
    """`size` rows with each column drawn on its own: first a bin or level by its share, then a value within.

    Columns are independent of one another, as in lime 0.2.0.1; combinations that never occur are drawn too. Ribeiro et al. 2016,
    arXiv:1602.04938. Raises MethodError for no rows or no columns.
    """
    if size < 1 or not columns:
        raise MethodError(f"a neighbourhood needs rows and columns; found {size} rows and {len(columns)} columns")
    codes = [generator.choice(len(column.shares), size=size, p=column.shares) for column in columns]
    values = [column.values(code, generator.random(size), lime_compat=lime_compat) for column, code in zip(columns, codes, strict=True)]
    return Neighbourhood(np.stack(codes, axis=1).astype(np.int64), tuple(values))


def column_codes(columns: Sequence[ColumnSampler], values: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    """Bins and levels of rows (n, columns), from one array of raw values (n,) per column."""
    return np.stack([column.codes(part) for column, part in zip(columns, values, strict=True)], axis=1)
