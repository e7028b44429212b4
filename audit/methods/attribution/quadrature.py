"""Bayesian quadrature over coalitions: what a normal prior on interactions makes of a game's values, priors weighed by their forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

Floats = NDArray[np.float64]
REACHES = (0.001, 0.03, 0.1, 0.3, 1.0, 2.0, 4.0)
"""Candidates for m times the ratio θ between the variances of interactions of two following orders."""
NOISES = (1e-8, 1e-5, 1e-3, 1e-2)
"""Candidates for the part of a game's variance that no interaction explains."""


@dataclass(frozen=True)
class Fit:
    """What one prior says of P observations and q quantities asked for, for a prior of variance 1 of each observation."""

    directions: Floats
    """(P, P), eigenvectors of the covariance of the observations."""
    sizes: Floats
    """(P,), its eigenvalues."""
    onto: Floats
    """(q, P), covariance of the quantities with the observations along the directions."""
    prior: Floats
    """(q,), variance of the quantities."""


def fit_of(covariance: Floats, onto: Floats, prior: Floats) -> Fit:
    """From the covariance (P, P) of the observations and that (q, P) of the quantities with them."""
    sizes, directions = np.linalg.eigh(covariance)
    return Fit(directions, np.maximum(sizes, 0.0), onto @ directions, prior)


def thetas(players: int) -> tuple[float, ...]:
    """The candidates for θ among so many players."""
    return tuple(min(0.9, reach / players) for reach in REACHES)


def posterior(fits: Sequence[Fit], observed: Sequence[Floats], start: Sequence[Floats], *, fitted: int) -> tuple[Floats, Floats]:
    """Means (q, k) and standard errors under all priors and shares of noise, weighed by how well each foretells every observation from the rest.

    ``observed`` (P, k) and what the quantities ``start`` from (q, k) may differ by prior. The scale of a prior is what its forecasts were
    off by, raised by P / (P - `fitted`) for that many free effects.
    """
    scores, means, squares = [], [], []
    for fit, values, first in zip(fits, observed, start, strict=True):
        count, seen = len(values), fit.directions.T @ values
        for noise in NOISES:
            shrunk = 1 / (fit.sizes + noise)
            variance = 1 / (fit.directions**2 @ shrunk)
            missed = (fit.directions @ (shrunk[:, None] * seen)) * variance[:, None]
            scale = np.maximum(np.mean(missed**2 / variance[:, None], axis=0), np.finfo(float).tiny)
            scores.append(-(count * np.log(scale) + np.log(variance).sum()) / 2)
            means.append(first + fit.onto @ (shrunk[:, None] * seen))
            left = np.maximum(fit.prior - fit.onto**2 @ shrunk, 1e-8 * fit.prior)
            squares.append(left[:, None] * scale * (count / (count - fitted)))
    weights, stacked = softmax(scores, axis=0)[:, None], np.stack(means)
    mean = (weights * stacked).sum(axis=0)
    se = np.sqrt((weights * (np.stack(squares) + (stacked - mean) ** 2)).sum(axis=0))
    return mean, np.where(observed[0].any(axis=0) | start[0].any(axis=0), se, 0.0)
