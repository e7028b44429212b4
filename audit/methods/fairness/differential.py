"""Differential fairness: the largest log ratio of outcome probabilities over all pairs of groups, smoothed, with draws of its posterior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError
from audit.methods.statistics.intervals import Estimate, Interval, Undefined, percent

Array = NDArray[np.float64]
LARGEST_DRAW = 4_000_000
"""Random numbers held at a time."""


@dataclass(frozen=True)
class Widest:
    """The largest |ln ratio| in nats, and where it is: the outcome, the group with its highest and the one with its lowest probability."""

    value: float
    outcome: int
    highest: int
    lowest: int


@dataclass(frozen=True)
class Cells:
    """Combinations of all attributes that hold rows: the cell of each row, (n,), -1 where a membership is unknown, and each cell's levels."""

    codes: NDArray[np.int64]
    levels: NDArray[np.int64]


def cells_of(columns: list[NDArray[np.integer]], sizes: list[int]) -> Cells:
    """Cross columns of codes (-1 unknown), each below its size, into the cells that hold rows, in order of the first column, then the second."""
    known = np.all([column >= 0 for column in columns], axis=0)
    inverse, levels = np.zeros(int(known.sum()), dtype=np.int64), np.zeros((1, 0), dtype=np.int64)
    for column, size in zip(columns, sizes, strict=True):
        # Numbered anew after each column, so that no number of attributes exceeds the integers.
        found, inverse = np.unique(inverse * size + column[known], return_inverse=True)
        levels = np.column_stack([levels[found // size], found % size])
    codes = np.full(len(known), -1, dtype=np.int64)
    codes[known] = inverse
    return Cells(codes, levels)


def differential_fairness(counts: Array, *, smoothing: float = 1.0) -> Widest | Undefined:
    """The largest |ln p(outcome | group) - ln p(outcome | other group)| of a table of `counts` (groups, outcomes), which need be no integers.

    p is (count + smoothing) / (group total + outcomes · smoothing) (Foulds et al. 2020, arXiv:1807.08362, equation 7); 0 for no
    smoothing, and then Undefined when a count is 0. Raises MethodError for negative smoothing.
    """
    _check(smoothing)
    n = int(counts.sum())
    if len(counts) < 2:
        return Undefined(f"{len(counts)} groups have enough rows; a comparison needs two.", n)
    if smoothing == 0 and (counts <= 0).any():
        return Undefined(f"{int((counts <= 0).sum())} of {counts.size} pairs of group and outcome hold no row, so that a ratio is infinite.", n)
    logs = _logs(counts + smoothing)
    outcome = int(np.argmax(np.ptp(logs, axis=0)))
    column = logs[:, outcome]
    return Widest(float(np.ptp(column)), outcome, int(np.argmax(column)), int(np.argmin(column)))


def posterior_draws(counts: Array, *, smoothing: float = 1.0, draws: int, generator: np.random.Generator) -> Array:
    """Draws (draws,) of differential fairness with each group's probabilities from their Dirichlet(counts + smoothing) posterior."""
    _check(smoothing, strictly=True)
    return _in_blocks(counts.size, draws, lambda size: _spread(_gammas(counts + smoothing, size, generator)))


def amplification_draws(joint: Array, *, smoothing: float = 1.0, draws: int, generator: np.random.Generator) -> Array:
    """Draws of differential fairness of decisions less that of labels, from `joint` counts (groups, labels, decisions) of the same rows.

    The prior of each joint cell is smoothing over the number of outcomes, which gives both margins the prior of `posterior_draws`.
    """
    _check(smoothing, strictly=True)

    def block(size: int) -> Array:
        drawn = _gammas(joint + smoothing / joint.shape[-1], size, generator)
        return _spread(drawn.sum(axis=-2)) - _spread(drawn.sum(axis=-1))

    return _in_blocks(joint.size, draws, block)


def differential_by_chance(counts: Array, *, smoothing: float = 1.0, draws: int, generator: np.random.Generator) -> float:
    """Mean value that groups of these sizes would show if all had the probabilities of all rows together."""
    _check(smoothing, strictly=True)
    rows = np.maximum(np.rint(counts.sum(axis=1)), 1).astype(np.int64)
    shares = counts.sum(axis=0) / counts.sum()

    def block(size: int) -> Array:
        return _spread(np.asarray(generator.multinomial(rows, shares, size=(size, len(rows))) + smoothing, dtype=np.float64))

    return float(_in_blocks(counts.size, draws, block).mean())


def credible_interval(value: float, drawn: Array, n: int, *, what: str, confidence: float = 0.95) -> Estimate:
    """The central interval of posterior draws, widened to hold the value: the largest of many noisy ratios lies above its plug-in value."""
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    text = f"{what}, {percent(confidence)} credible interval over {len(drawn)} draws of the Dirichlet posterior"
    return Interval(value, min(float(low), value), max(float(high), value), n, text)


def _check(smoothing: float, *, strictly: bool = False) -> None:
    if smoothing < 0 or (strictly and smoothing == 0):
        raise MethodError(f"smoothing is {smoothing:g}; expected a number above 0")


def _logs(counts: Array) -> Array:
    return np.asarray(np.log(counts) - np.log(counts.sum(axis=-1, keepdims=True)))


def _gammas(shape: Array, size: int, generator: np.random.Generator) -> Array:
    # Gammas of a tiny shape can underflow to 0, whose logarithm is infinite.
    return np.maximum(generator.standard_gamma(shape, size=(size, *shape.shape)), 1e-300)


def _spread(counts: Array) -> Array:
    """Largest range over groups of the log probability of an outcome, for tables (draws, groups, outcomes)."""
    return np.asarray(np.ptp(_logs(counts), axis=-2).max(axis=-1))


def _in_blocks(cells: int, draws: int, block: Callable[[int], Array]) -> Array:
    size = max(1, min(draws, LARGEST_DRAW // max(cells, 1)))
    return np.concatenate([block(min(size, draws - start)) for start in range(0, draws, size)])
