"""How spread out an attribution is: the entropy of the histogram of its values. numpy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def histogram_entropy(values: Array) -> Array:
    """−Σ p ln p over the bins of a histogram of each row of `values` (n, players), (n,) in nats, at least 0.

    Bins are as wide as Scott's rule says for that row (Scott 1979, doi:10.1093/biomet/66.3.605), so that neither scale nor place of the values
    matters: low where a few players stand far out and the others lie together, high where values lie everywhere alike, 0 where all are equal.
    Hedström et al. 2024, arXiv:2401.06465.
    """
    return np.array([_entropy(np.histogram(row, bins="scott")[0]) for row in values]).reshape(len(values))


def relative_rise(before: Array, after: Array) -> Array:
    """(after − before) / before of positive numbers, entry by entry; NaN where `before` is 0."""
    result: Array = np.divide(after - before, before, out=np.full(before.shape, np.nan), where=before > 0)
    return result


def _entropy(counts: NDArray[np.int64]) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(max(0.0, -(share * np.log(share)).sum()))
