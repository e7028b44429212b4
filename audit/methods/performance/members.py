"""Several networks on the same rows: how far their decisions and their probabilities lie apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

Array = NDArray[np.float64]


def disagreement(decisions: NDArray[np.integer]) -> Array:
    """Share of networks (n,) that do not decide as most do, of decided classes (n, m) with -1 for none.

    One minus the share of the largest camp, so which of equal camps is called the majority makes no difference. In [0, 1); networks
    without a decision are not counted, and a row with fewer than two decisions is NaN.
    """
    decided = (decisions >= 0).sum(axis=1)
    largest = np.max([(decisions == one[:, None]).sum(axis=1) for one in decisions.T], axis=0, where=(decisions >= 0).T, initial=0)
    return np.where(decided >= 2, 1 - largest / np.maximum(decided, 1), np.nan)


def spread(values: Array) -> Array:
    """Variance among networks (n,) of probabilities or scores (n, m, k), divided by m and summed over the k; NaN where one is missing."""
    return np.asarray(values.var(axis=1).sum(axis=1))


def mutual_information(probabilities: Array) -> Array:
    """Entropy of the mean minus the mean of the entropies (n,), in nats, of probabilities (n, m, k); NaN where one is missing.

    What the answer would tell about which of the networks is right: 0 when all give the same probabilities, at most log m. Depeweg et al.
    2018, arXiv:1710.07283; for ensembles Lakshminarayanan et al. 2017, arXiv:1612.01474.
    """
    return np.asarray(np.maximum(_entropy(probabilities.mean(axis=1)) - _entropy(probabilities).mean(axis=1), 0.0))


def total_variation(first: Array, second: Array) -> Array:
    """Half the sum of absolute differences (n,) of probabilities (n, k), in [0, 1]; with two classes the difference of either."""
    return np.asarray(np.abs(first - second).sum(axis=1) / 2)


def _entropy(probabilities: Array) -> Array:
    return np.asarray(-xlogy(probabilities, probabilities).sum(axis=-1))
