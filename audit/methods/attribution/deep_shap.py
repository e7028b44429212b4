"""DeepSHAP: DeepLIFT multipliers against each background row, averaged; one backward pass per pair, at the level of operators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.fx import GraphModule

from audit.errors import MethodError
from audit.methods.attribution.answers import Network, float64
from audit.methods.attribution.propagation.trace import faithful, traced
from audit.methods.attribution.propagation.walk import Walk
from audit.models.chunks import with_room

Array = NDArray[np.float64]
ENTRIES = 1_000
"""Entries of a row that a chunk is made for; of larger rows fewer go through the network at once."""


@dataclass(frozen=True)
class DeepShap:
    """Attributions of n rows to one output each, float64, in the unit of the output.

    `values` (n, …) per entry of the inputs, `base` (n,) the mean output over the baselines, `total` (n,) the output of the row, `gap` (n,)
    how far the values are from summing to the difference, `evaluations` (n,) the pairs of row and baseline sent through the network.
    """

    values: Array
    base: Array
    total: Array
    gap: Array
    evaluations: NDArray[np.int64]


@dataclass(frozen=True)
class _Grid:
    """A rectangle of rows and baselines that goes through the network at once; places past the end repeat the last and do not count."""

    rows: Tensor
    """(r,) positions of rows."""
    bases: Tensor
    """(c,) positions of baselines."""
    real_rows: int
    real_bases: int


def deep_shap(network: Network, inputs: Tensor, baselines: Tensor, target: Tensor, *, chunk: int = 1024) -> DeepShap:
    """mean over baselines b of m(x, b)·(x − b), with m the product of DeepLIFT's multipliers along the network.

    `inputs` (n, …) of floating type, `baselines` (b, …) for all rows or (n, b, …), `target` (n,) int64 columns of the output, at most `chunk`
    pairs at once, halved when memory runs out. Each operator's multiplier joins its outputs for row and baseline: change over change for
    activations, the cross-maximum for max-pooling, the straight path for products, closed forms for softmax and normalisation; linear
    operators keep their gradient. So the values add up, and no row's depend on the others. How a function is written matters: x·sigmoid(x)
    is a product, SiLU is not.
    Raises MethodError that names the first operator without a rule, or that jumps.
    Shrikumar et al. 2017, arXiv:1704.02685; Lundberg & Lee 2017, arXiv:1705.07874.
    """
    _fits(inputs, baselines)
    size = max(2, min(chunk, chunk * ENTRIES // max(1, inputs[0].numel()))) if len(inputs) else 2
    return with_room(lambda chosen: _divided(network, inputs, baselines, target, chosen), size, inputs.device, least=2)


def _divided(network: Network, inputs: Tensor, baselines: Tensor, target: Tensor, chunk: int) -> DeepShap:
    own = baselines.ndim == inputs.ndim + 1
    n, b = len(inputs), baselines.shape[1] if own else len(baselines)
    values, total, base = np.zeros(tuple(inputs.shape)), np.zeros(n), np.zeros(n)
    walk: Walk | None = None
    tile: Tensor | None = None
    for grid in _grids(n, b, chunk, inputs.device):
        rows = inputs[grid.rows].repeat_interleave(len(grid.bases), dim=0)
        # Where all baselines fit at once, all rows meet the same tensor of them, and it goes through the network once.
        bases = tile if tile is not None and not own and len(grid.bases) == b else _bases(inputs, baselines, grid, own)
        tile = bases
        walk = walk or Walk(multiplied(network, rows, bases))
        pairs = _contributions(walk, rows, bases, target[grid.rows].repeat_interleave(len(grid.bases)))
        parts, totals, means = (_rectangle(part, grid) for part in pairs)
        here = grid.rows[: grid.real_rows].cpu().numpy()
        values[here] += float64(parts.sum(dim=1)).numpy() / b
        total[here] = float64(totals[:, 0]).numpy()
        base[here] += float64(means).sum(dim=1).numpy() / b
    gap = np.abs(values.reshape(n, int(np.prod(inputs.shape[1:]))).sum(axis=1) - (total - base))
    return DeepShap(values, base, total, gap, np.full(n, b, dtype=np.int64))


def multiplied(network: Network, rows: Tensor, bases: Tensor) -> GraphModule:
    """The operators of the network for batches like `rows` (m, …), checked on rows and baselines both."""
    graph = traced(network, bases)
    faithful(graph, network, rows)
    return graph


def _grids(n: int, b: int, chunk: int, device: torch.device) -> Iterator[_Grid]:
    """All rows against all baselines, in rectangles of one shape, of at least two pairs: an operator must not take a batch for a row."""
    width = min(b, chunk)
    height = max(1, min(chunk // width, n))
    height = max(height, 2) if width == 1 else height
    for row in range(0, n, height):
        for base in range(0, b, width):
            rows = torch.arange(row, row + height, device=device).clamp(max=n - 1)
            bases = torch.arange(base, base + width, device=device).clamp(max=b - 1)
            yield _Grid(rows, bases, min(height, n - row), min(width, b - base))


def _bases(inputs: Tensor, baselines: Tensor, grid: _Grid, own: bool) -> Tensor:
    """Baselines of the pairs of a rectangle, (r·c, …)."""
    if own:
        return baselines[grid.rows][:, grid.bases].flatten(0, 1)
    return baselines[grid.bases].repeat(len(grid.rows), *(1,) * (inputs.ndim - 1))


def _contributions(walk: Walk, rows: Tensor, bases: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Multiplier times change (m, …), and outputs of rows and baselines (m,), in the target column."""
    leaf = rows.detach().requires_grad_(True)
    answers = walk.along(leaf, bases)
    chosen = answers.row.gather(1, target[:, None])
    if not chosen.requires_grad:
        return torch.zeros_like(rows), chosen[:, 0], answers.base.gather(1, target[:, None])[:, 0]
    (multiplier,) = torch.autograd.grad(chosen.sum(), leaf)
    # An entry in which the two agree gets nothing, whatever slope it has.
    parts = torch.where(rows == bases, torch.zeros_like(rows), multiplier * (rows - bases))
    return parts, chosen.detach()[:, 0], answers.base.gather(1, target[:, None])[:, 0]


def _rectangle(pairs: Tensor, grid: _Grid) -> Tensor:
    """Pairs (r·c, …) as (real rows, real baselines, …)."""
    return pairs.reshape(len(grid.rows), len(grid.bases), *pairs.shape[1:])[: grid.real_rows, : grid.real_bases]


def _fits(inputs: Tensor, baselines: Tensor) -> None:
    if not inputs.is_floating_point():
        raise MethodError(f"DeepLIFT needs inputs of floating type, found {inputs.dtype}")
    own = baselines.ndim == inputs.ndim + 1
    shape = baselines.shape[2:] if own else baselines.shape[1:]
    if shape != inputs.shape[1:] or (own and len(baselines) != len(inputs)) or not baselines.numel() or baselines.dtype != inputs.dtype:
        raise MethodError(
            f"baselines of shape {tuple(baselines.shape)} and {baselines.dtype} do not fit inputs of shape {tuple(inputs.shape)} and {inputs.dtype}"
        )
