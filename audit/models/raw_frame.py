"""Encoded rows as a table of raw columns, for models that take the columns of the data and encode them themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.data.canonical import canonical_text
from audit.data.encoding import MISSING_LEVEL, Encoder, LevelCode, NumericCode, TableEncoder
from audit.data_config import ColumnConfig
from audit.errors import ConfigError

PAIRS: Mapping[tuple[str, ...], type] = {("0", "1"): int, ("False", "True"): bool}
"""Levels of a binary column that was not declared, and what they were in the file."""


@dataclass(frozen=True)
class RawFrame:
    """Turns a leaf (m, entries) into a DataFrame of raw columns in the order of ``data.inputs``; made by `raw_frame`.

    Numeric columns are float64 with NaN for missing, int64 where declared whole. Levels are what the audit file declares them as, whole
    numbers or truth values, else text; None is missing.
    """

    encoder: TableEncoder
    whole: frozenset[str]
    levels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of columns whose levels are no text: what each level stands for."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the raw columns."""
        return tuple(code.name for code in self.encoder.codes)

    def __call__(self, leaf: NDArray[Any]) -> pd.DataFrame:
        """The raw columns of encoded rows."""
        return pd.DataFrame({name: self._column(name, values) for name, values in self.encoder.decode(leaf).items()})

    def _column(self, name: str, values: NDArray[Any]) -> pd.Series[Any]:
        if name in self.levels:
            # Without a stated type, levels that are numbers become int64, or float64 where some are missing.
            return pd.Series([None if value is None else self.levels[name][value] for value in values])
        if values.dtype.kind != "f":
            return pd.Series(values, dtype=object)
        if name in self.whole:
            rounded = np.rint(values)
            return pd.Series(rounded if np.isnan(rounded).any() else rounded.astype(np.int64))
        return pd.Series(values)


def raw_frame(encoder: Encoder | None, declared: Mapping[str, ColumnConfig]) -> RawFrame:
    """How leaves of `encoder` become raw columns.

    Raises ConfigError for anything but tables, and for a column whose missing values the encoder would fill: a model that takes
    raw columns gets what is missing as missing (``missing = "indicator"`` or ``"level"``), or none is allowed.
    """
    if not isinstance(encoder, TableEncoder):
        raise ConfigError("model.takes = 'raw' goes with tables only; use takes = 'encoded'")
    filling = [code.name for code in encoder.codes if _fills(code)]
    if filling:
        raise ConfigError(
            f"column {filling[0]!r}: the encoder fills missing values, but model.takes = 'raw' gives the model its columns as they are; "
            "declare missing = 'indicator' (or 'level'), so that missing stays missing, or 'refuse'"
        )
    whole = frozenset(code.name for code in encoder.codes if isinstance(code, NumericCode) and declared.get(code.name, ColumnConfig()).integer)
    meant = {code.name: _meant(code, declared.get(code.name, ColumnConfig())) for code in encoder.codes if isinstance(code, LevelCode)}
    return RawFrame(encoder, whole, {name: levels for name, levels in meant.items() if levels})


def _fills(code: NumericCode | LevelCode) -> bool:
    return code.fill is not None and not code.indicator and code.fill != MISSING_LEVEL


def _meant(code: LevelCode, given: ColumnConfig) -> dict[str, Any]:
    """What each level was, where it was no text; empty for text."""
    if given.levels:
        return {canonical_text(level): level for level in given.levels} if not any(isinstance(level, str) for level in given.levels) else {}
    kind = PAIRS.get(code.levels) if not code.one_hot and given.kind in {None, "binary"} else None
    return {} if kind is None else {code.levels[0]: kind(0), code.levels[1]: kind(1)}
