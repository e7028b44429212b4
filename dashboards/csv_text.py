"""Frames as CSV that spreadsheets show and do not run."""

from __future__ import annotations

import csv
from typing import Any

import pandas as pd

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_text(frame: pd.DataFrame) -> str:
    """`frame` as CSV with a header: text that begins like a formula gets a leading apostrophe, numbers stay as they are, unrounded."""
    held = pd.DataFrame({position: _column(frame.iloc[:, position]) for position in range(frame.shape[1])})
    # All text is in quotes, since pandas leaves a lone carriage return bare, which readers take for the end of the line.
    return held.to_csv(index=False, header=[_cell(str(name)) for name in frame.columns], quoting=csv.QUOTE_NONNUMERIC)


def _column(values: pd.Series[Any]) -> pd.Series[Any]:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    return values if pd.api.types.is_numeric_dtype(values.dtype) else values.map(_cell)


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_STARTS) else value
