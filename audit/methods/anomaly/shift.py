"""Whether evaluated rows score like calibration rows: conformal p-values are uniform exactly when they do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ScoreShift:
    """Largest distance between two distribution functions of scores, in [0, 1], and the p-value that both are the same."""

    distance: float
    p_value: float


def score_shift(scores: NDArray[np.float64], calibration: NDArray[np.float64]) -> ScoreShift | None:
    """The two-sample Kolmogorov-Smirnov test of scores (m,) against calibration scores (n,); None when a side is empty.

    Conservative when scores are tied. Rows must be independent and unweighted. Smirnov 1939; Hodges 1958, doi:10.1007/BF02589501.
    """
    if len(scores) == 0 or len(calibration) == 0:
        return None
    from scipy.stats import ks_2samp  # noqa: PLC0415  takes half a second to load

    # The asymptotic p-value is asked for by name, since the exact one may fail for many rows and then warns.
    few = len(scores) * len(calibration) <= 250_000
    found = ks_2samp(scores, calibration, method="exact" if few else "asymp")
    return ScoreShift(float(found.statistic), float(found.pvalue))
