"""What the columns that play a part say of rows: how much they weigh and which belong together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audit.data.canonical import canonical_text
from audit.errors import DataError


def weights_of(values: NDArray[Any], name: str) -> NDArray[np.float64]:
    """The weights (n,) that the column `name` holds; raises DataError unless all are finite and above 0."""
    if values.dtype == object:
        raise DataError(f"weight column {name!r} holds text; weights are positive numbers")
    weights = values.astype(np.float64)
    bad = ~(np.isfinite(weights) & (weights > 0))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"weight column {name!r}: {int(bad.sum())} values are missing, infinite, zero or below, first at row {first}; weights must be above 0"
        )
    return weights


def clusters_of(values: NDArray[Any], known: dict[str, int]) -> NDArray[np.int64]:
    """Numbers (n,) of the clusters, those of other blocks `known` by name and added to; a row without a cluster is one of its own."""
    codes, found = pd.factorize(np.asarray(values))
    numbers = np.array([known.setdefault(canonical_text(name), len(known)) for name in found], dtype=np.int64)
    clusters = numbers[np.maximum(codes, 0)] if len(numbers) else np.zeros(len(codes), dtype=np.int64)
    for row in np.flatnonzero(codes < 0):
        clusters[row] = known.setdefault(f"\0{len(known)}", len(known))
    return clusters
