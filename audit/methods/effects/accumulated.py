"""Accumulated local effects: how an output moves with one column among the rows that have such values, summed up along the column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError
from audit.methods.effects.dependence import Answer
from audit.methods.statistics.influence import summed_errors

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Accumulated:
    """Effects at g places, centred to mean 0 over the rows: `effect` (g, k), standard error `se` (g, k), and rows of each step (g - 1,).

    The error is that of the mean steps, given where along the column the rows lie; NaN where fewer than two independent rows tell of a step.
    """

    effect: Floats
    se: Floats
    counts: NDArray[np.int64]


def quantile_edges(values: Floats, steps: int) -> Floats:
    """At most `steps` + 1 distinct values of the column (n,), from its smallest to its largest, at even quantiles."""
    return np.unique(np.quantile(values, np.linspace(0, 1, steps + 1), method="inverted_cdf"))


def accumulated_numeric(
    answer: Answer, values: Floats, edges: Floats, *, weights: Floats | None = None, clusters: Places | None = None
) -> Accumulated:
    """Effects at the ascending `edges` (g,) of a numeric column with finite `values` (n,), which must lie between the first and the last.

    Each row is moved to both ends of its own step; mean differences are summed and centred, a step counting with the mean of its two ends.
    Means are over rows with `weights` (n,); rows of one of the `clusters` (n,) are not taken to be independent.
    Apley & Zhu 2020, doi:10.1111/rssb.12377, section 2. Raises MethodError for fewer than two edges.
    """
    if len(edges) < 2:
        raise MethodError("the column has one value, so nothing is moved")
    step = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, len(edges) - 2).astype(np.int64)
    delta = answer(step + 1) - answer(step)
    moved = np.zeros((len(values), len(edges) - 1, delta.shape[1]))
    moved[np.arange(len(values)), step] = delta
    member = step[:, None] == np.arange(len(edges) - 1)
    mass = np.ones(len(values)) if weights is None else weights
    share = np.bincount(step, weights=mass, minlength=len(edges) - 1) / mass.sum()
    return _accumulate(moved, member, (np.append(share, 0.0) + np.insert(share, 0, 0.0)) / 2, mass, clusters)


def accumulated_levels(answer: Answer, codes: Places, levels: int, *, weights: Floats | None = None, clusters: Places | None = None) -> Accumulated:
    """Effects of `levels` levels in the order of their codes, (n,) in 0…levels-1, each of which some row has.

    Rows of two neighbouring levels are moved from the one to the other; differences are summed and centred over the rows, with `weights` and
    `clusters` as above. As section 2.4 and appendix E of Apley & Zhu 2020, doi:10.1111/rssb.12377, have it. Raises MethodError for fewer than
    two levels.
    """
    if levels < 2:
        raise MethodError("the column has one level, so nothing is moved")
    place = np.arange(levels - 1)
    member = (codes[:, None] == place) | (codes[:, None] == place + 1)
    at = [answer(np.clip(codes + shift, 0, levels - 1)) for shift in (-1, 0, 1)]
    moved = np.zeros((len(codes), levels - 1, at[0].shape[1]))
    up, down = codes < levels - 1, codes > 0
    moved[np.flatnonzero(up), codes[up]] = (at[2] - at[1])[up]
    moved[np.flatnonzero(down), codes[down] - 1] = (at[1] - at[0])[down]
    mass = np.ones(len(codes)) if weights is None else weights
    return _accumulate(moved, member, np.bincount(codes, weights=mass, minlength=levels) / mass.sum(), mass, clusters)


def similar_order(codes: Places, levels: int, others: Floats) -> NDArray[np.int64]:
    """An order of levels in which those stand side by side whose rows are alike in all `others` (n, m): places of the levels, (levels,).

    One-dimensional classical scaling of the summed Kolmogorov-Smirnov distances of the other columns (Apley & Zhu 2020, appendix E).
    """
    if levels < 3 or not others.shape[1]:
        return np.arange(levels, dtype=np.int64)
    distance = np.zeros((levels, levels))
    for column in others.T:
        ends = np.unique(column)
        below = np.stack([np.searchsorted(np.sort(column[codes == level]), ends, side="right") / (codes == level).sum() for level in range(levels)])
        distance += np.abs(below[:, None] - below[None]).max(axis=2)
    centre = np.eye(levels) - 1 / levels
    sizes, vectors = np.linalg.eigh(-centre @ distance**2 @ centre / 2)
    line = vectors[:, np.argmax(sizes)]
    return np.argsort(line * (1 if line[0] <= line[-1] else -1), kind="stable").astype(np.int64)


def _accumulate(moved: Floats, member: NDArray[np.bool_], at: Floats, mass: Floats, clusters: Places | None) -> Accumulated:
    """Sums of mean steps and their errors, from each row's difference (n, steps, k) in the steps it is a `member` of (n, steps).

    `at` (g,) is the share of the rows at each place, `mass` (n,) the weights.
    """
    counts = member.sum(axis=0)
    part = member * mass[:, None]
    part /= np.maximum(part.sum(axis=0), np.finfo(np.float64).tiny)
    mean = np.einsum("ns,nsk->sk", part, moved)
    reach = np.tril(np.ones((len(counts) + 1, len(counts))), -1)  # place j is reached by the steps before it
    centred = reach - at @ reach
    influence: NDArray[Any] = (moved - mean) * part[:, :, None]
    effect, units = centred @ mean, counts if clusters is None else np.array([len(np.unique(clusters[own])) for own in member.T])
    if (units < 2).any():
        return Accumulated(effect, np.full(effect.shape, np.nan), counts.astype(np.int64))
    if clusters is not None:
        among = np.einsum("gs,nsk->ngk", centred, influence)
        se = summed_errors(among.reshape(len(among), -1), clusters).reshape(effect.shape)
    else:
        unbiased = (counts / (counts - 1))[:, None] ** 0.5
        se = np.sqrt(np.square(np.einsum("gs,nsk->ngk", centred, influence * unbiased)).sum(axis=0))
    return Accumulated(effect, se, counts.astype(np.int64))
