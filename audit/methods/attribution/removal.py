"""Deletion curves: the output while players are replaced, most relevant first and least relevant first, and the area between the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.answers import Network
from audit.methods.attribution.game import Game, make_game

Array = NDArray[np.float64]
ROUNDING = 8
"""Units in the last place by which an output may be off."""


@dataclass(frozen=True)
class Removal:
    """Curves of n rows and a attributions of each, float64, in the unit of the output.

    `first` and `last` (n, a, p) are the explained output with the `shares` (p,) of the varying players replaced, most relevant first and least
    relevant first. `area` (n, a) is the mean of `last` less `first` over all shares, `relative_area` the same over the larger of |total − base|
    and `scale` (0 where both are 0 up to rounding). `total` (n,) is the output of the row, `base` (n,) that of the background, `evaluations`
    (n,) the rows the network was given for each row, the background itself not counted.
    """

    shares: Array
    first: Array
    last: Array
    area: Array
    relative_area: Array
    total: Array
    base: Array
    evaluations: NDArray[np.int64]


def removal_curves(
    network: Network,
    inputs: Tensor,
    background: Tensor,
    owner: NDArray[np.int64],
    values: Array,
    *,
    target: NDArray[np.int64],
    players: int,
    ties: Sequence[np.random.Generator],
    scale: Array | None = None,
    steps: int = 20,
    chunk: int = 4096,
) -> Removal:
    """Deletion curves of rows `inputs` (n, …), ordered by each of the attributions `values` (n, a, players) to output `target` (n,).

    A replaced player takes the entries of the rows of `background` (b, …), and the output is the mean over these. At most `steps` steps of
    equal shares of the varying players are taken, and curves are straight lines between. Relevance has a sign: what raises the output most goes
    first, so for an attribution that tells the truth `first` falls early and `last` late, and the area is above 0; an order drawn at random has
    0 in expectation. Equal values are put in an order drawn from ``ties`` (n), the same for all attributions of a row. Read from right to left
    `last` is the insertion curve that begins with the most relevant player. `scale` (k,) is the size of a difference that counts as large, such
    as the standard deviation of each output. Raises MethodError for attributions that do not fit or are not finite.

    Samek et al. 2017, arXiv:1509.06321; Petsiuk, Das & Saenko 2018, arXiv:1806.07421; Blücher, Vielhaben & Strodthoff 2024, arXiv:2401.06654.
    """
    check_attributions(values, len(inputs), players, steps)
    game = make_game(network, background, owner, players=players, chunk=chunk)
    flat = inputs.reshape(len(inputs), game.background.shape[1])
    shares = np.linspace(0, 1, steps + 1)
    rows = [_row(game, row, values[at], int(target[at]), ties=ties[at], shares=shares) for at, row in enumerate(flat)]
    total, base = np.array([row.total for row in rows]), game.base.numpy()[target]
    size = np.abs(total - base) if scale is None else np.maximum(np.abs(total - base), scale[target])
    size = np.where(size > rounding(inputs) * np.abs(total), size, 0.0)
    curves = np.array([row.curves for row in rows]).reshape(len(rows), values.shape[1], 2, len(shares))
    area = np.array([row.area for row in rows]).reshape(len(rows), values.shape[1])
    share = np.divide(area, size[:, None], out=np.zeros_like(area), where=size[:, None] > 0)
    spent = np.array([row.evaluations for row in rows], dtype=np.int64)
    return Removal(shares, curves[:, :, 0], curves[:, :, 1], area, share, total, base, spent)


def check_attributions(values: Array, rows: int, players: int, least: int = 1) -> None:
    """Raise MethodError unless `values` are finite (rows, attributions, players) and at least one step is asked for."""
    if values.ndim != 3 or values.shape[0] != rows or values.shape[2] != players:
        raise MethodError(f"attributions have shape {values.shape}; expected ({rows}, attributions, {players})")
    if not np.isfinite(values).all():
        raise MethodError("attributions hold numbers that are not finite, so they give no order")
    if least < 1:
        raise MethodError(f"{least} steps were asked for; expected 1 or more")


def rounding(inputs: Tensor) -> float:
    """Share of an output below which a change of it may be rounding, by the type of the inputs; that of float32 for whole numbers."""
    return ROUNDING * torch.finfo(inputs.dtype if inputs.is_floating_point() else torch.float32).eps


@dataclass(frozen=True)
class _Row:
    curves: Array
    """(a, 2, p)."""
    area: Array
    total: float
    evaluations: int


def _row(game: Game, row: Tensor, values: Array, target: int, *, ties: np.random.Generator, shares: Array) -> _Row:
    varying, total = game.varying(row), float(game.answers(row[None])[0, target])
    m = len(varying)
    counts = np.unique(np.rint(np.linspace(0, m, min(len(shares) - 1, m) + 1)).astype(np.int64))
    if not m:
        return _Row(np.full((len(values), 2, len(shares)), total), np.zeros(len(values)), total, 1)
    rank = _ranks(values[:, varying.cpu().numpy()], ties.permutation(m))
    kept = np.stack([rank[:, None] >= counts[1:-1, None], rank[:, None] < m - counts[1:-1, None]], axis=1)
    asked, where = np.unique(kept.reshape(-1, m), axis=0, return_inverse=True)
    inner = game.worth(row, asked, game.places(varying))[:, target].numpy()[where.reshape(-1)].reshape(len(values), 2, len(counts) - 2)
    ends = np.broadcast_to([total, float(game.base[target])], (len(values), 2, 2))
    along = np.concatenate([ends[..., :1], inner, ends[..., 1:]], axis=2)
    area = np.trapezoid(along[:, 1] - along[:, 0], counts / m, axis=1)
    curves = np.array([[np.interp(shares, counts / m, curve) for curve in both] for both in along])
    return _Row(curves.reshape(len(values), 2, len(shares)), area, total, 1 + len(asked) * len(game.background))


def _ranks(values: Array, shuffled: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of each player of (a, m) when sorted from the largest value to the smallest; equals stand as `shuffled` (m,) has them."""
    order = shuffled[np.argsort(-values[:, shuffled], axis=1, kind="stable")]
    return np.argsort(order, axis=1)
