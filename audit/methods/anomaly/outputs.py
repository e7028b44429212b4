"""Scores of how unusual a row is, from the outputs of a classifier alone. Higher is odder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from audit.errors import MethodError

Floats = NDArray[np.float64]


def energy(logits: Floats, *, temperature: float = 1.0) -> Floats:
    """-T log sum_j exp(z_j / T) of logits (n, k), (n,); a single logit z stands for the pair [0, z]. Not finite where a logit is not.

    Liu et al. 2020, arXiv:2010.03759. Raises MethodError for a temperature that is not above 0 or logits of another shape.
    """
    if not temperature > 0:
        raise MethodError(f"temperature is {temperature}; expected a number above 0")
    if logits.ndim != 2 or logits.shape[1] == 0:
        raise MethodError(f"logits have shape {logits.shape}; expected (n, k)")
    pair = np.concatenate([np.zeros_like(logits), logits], axis=1) if logits.shape[1] == 1 else logits
    scores: Floats = -temperature * logsumexp(pair / temperature, axis=1)
    return scores


def one_minus_largest(probability: Floats) -> Floats:
    """1 - max_j p_j of probabilities (n, K), (n,), in [0, 1 - 1/K].

    Summed over the other classes, so that rows near certainty keep their order where 1 - max would round to 0.
    Hendrycks & Gimpel 2017, arXiv:1610.02136.
    """
    if probability.ndim != 2 or probability.shape[1] < 2:
        raise MethodError(f"probabilities have shape {probability.shape}; expected (n, K) with a column for each of two or more classes")
    scores: Floats = np.sort(probability, axis=1)[:, :-1].sum(axis=1)
    return scores
