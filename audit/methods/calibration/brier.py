"""The Brier score, and its parts (Murphy 1973, doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.methods.calibration.reliability import Bins
from audit.methods.statistics.intervals import Estimate
from audit.methods.statistics.means import mean_interval

Array = NDArray[np.float64]


def brier_losses(probabilities: Array, labels: NDArray[np.int64]) -> Array:
    """Squared error of each row's probabilities (n, classes), summed over classes and halved for two classes, so that both usual forms hold."""
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(labels)), labels] = 1.0
    total: Array = np.sum((probabilities - truth) ** 2, axis=1)
    return total / 2 if probabilities.shape[1] == 2 else total


def brier_score(
    probabilities: Array,
    labels: NDArray[np.int64],
    weights: Array | None = None,
    *,
    clusters: NDArray[np.int64] | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Mean of `brier_losses` with its t interval: in [0, 1] for two classes, [0, 2] for more; lower is better."""
    return mean_interval(brier_losses(probabilities, labels), weights, clusters=clusters, confidence=confidence)


@dataclass(frozen=True)
class Parts:
    """Brier score of binned probabilities = reliability - resolution + uncertainty."""

    reliability: float
    resolution: float
    uncertainty: float


def brier_parts(bins: Bins) -> Parts:
    """Murphy's decomposition of the score of the bins' mean probabilities."""
    base = float(np.sum(bins.share * bins.frequency))
    return Parts(
        reliability=float(np.sum(bins.share * (bins.frequency - bins.confidence) ** 2)),
        resolution=float(np.sum(bins.share * (bins.frequency - base) ** 2)),
        uncertainty=base * (1 - base),
    )
