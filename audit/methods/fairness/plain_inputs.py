"""Raw input columns as numbers on one scale: numbers standardised, texts as one entry for each value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MOST_LEVELS = 50
"""Values of a text column that get an entry of their own; rarer ones share the last."""


@dataclass(frozen=True)
class PlainInputs:
    """Entries (n, d) float64, all finite, and the column each entry comes from, (d,)."""

    entries: NDArray[np.float64]
    owner: NDArray[np.int64]
    names: tuple[str, ...]
    """Columns in order; one that never varies has no entry."""


def plain_inputs(columns: Mapping[str, NDArray[Any]]) -> PlainInputs:
    """Encode columns (n,) of numbers (NaN missing) or texts (None missing).

    A number is centred and divided by its standard deviation; where it is missing it is the mean, and an entry of its own says so. Two people who
    differ in a text lie as far apart as two random people in a number: a squared distance of 2.
    """
    parts, owner = [], []
    for position, values in enumerate(columns.values()):
        found = _numbers(values.astype(np.float64)) if values.dtype.kind in "fiub" else _levels(values)
        parts.append(found)
        owner += [position] * found.shape[1]
    n = len(next(iter(columns.values()))) if columns else 0
    entries = np.concatenate([np.zeros((n, 0)), *parts], axis=1)
    return PlainInputs(entries, np.array(owner, dtype=np.int64), tuple(columns))


def _numbers(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.isfinite(values)
    if not known.any():
        return np.zeros((len(values), 0))
    held = values[known]
    found = []
    if held.min() < held.max():
        size = float(np.abs(held).max())  # so that squares of huge numbers stay finite
        scaled = np.where(known, values, held[0]) / size
        centre, spread = scaled[known].mean(), scaled[known].std()
        found = [np.where(known, (scaled - centre) / spread, 0.0)] if spread > 0 else []
    if not known.all():
        found.append((~known).astype(np.float64))
    return np.stack(found, axis=1) if found else np.zeros((len(values), 0))


def _levels(values: NDArray[Any]) -> NDArray[np.float64]:
    codes, names = pd.factorize(pd.Series(values, dtype=object).fillna("\0missing"), sort=True)
    counts = np.bincount(codes, minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    place = np.empty(len(names), dtype=np.int64)
    place[order] = np.minimum(np.arange(len(names)), MOST_LEVELS - 1)
    width = min(len(names), MOST_LEVELS)
    if width < 2:
        return np.zeros((len(values), 0))
    found = np.zeros((len(values), width))
    found[np.arange(len(values)), place[codes]] = 1.0
    return found
