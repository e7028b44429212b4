"""p values adjusted so that few of those called real are not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def benjamini_hochberg(p_values: Array) -> Array:
    """Adjusted p values (m,), in the order given: those below q have at most a share q of false discoveries in expectation.

    For independent or positively dependent tests. Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    stepped = np.minimum.accumulate((p_values[order] * m / np.arange(1, m + 1))[::-1])[::-1]
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
