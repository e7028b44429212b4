"""Integrated gradients averaged over baselines, with as many points on the path as completeness asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.answers import Network, answered, float64
from audit.models.chunks import each_run

Array = NDArray[np.float64]


@dataclass(frozen=True)
class IntegratedGradients:
    """Attributions of n rows to one output each, float64, in the unit of the output.

    `values` (n, …) per entry of the inputs, `base` (n,) the mean output over the baselines, `total` (n,) the output of the row, `gap` (n,)
    how far the values are from summing to the difference, `steps` (n,) the points used on each path, `evaluations` (n,) the gradients
    taken.
    """

    values: Array
    base: Array
    total: Array
    gap: Array
    steps: NDArray[np.int64]
    evaluations: NDArray[np.int64]


def integrated_gradients(
    network: Network,
    inputs: Tensor,
    baselines: Tensor,
    target: Tensor,
    *,
    scale: Array | None = None,
    tolerance: float = 0.01,
    steps: Sequence[int] = (8, 16, 32, 64, 128, 256),
    chunk: int = 4096,
) -> IntegratedGradients:
    """mean over baselines b of (x - b) ∫ ∂f_target(b + α (x - b)) / ∂x dα over α in [0, 1], by Gauss–Legendre quadrature.

    `inputs` (n, …), `baselines` (b, …) for all rows or (n, b, …), `target` (n,) int64 columns of the output. A row goes on to the next
    of `steps` while its gap is above `tolerance` times max(|total - base|, scale[target]); `scale` (k,) is the spread of outputs that
    counts as large, 0 when absent. The gap that is left is returned. Gradients are taken with respect to the inputs only.
    Raises MethodError for inputs that are not of floating type or do not fit. Sundararajan et al. 2017, arXiv:1703.01365.
    """
    paths = _paths(inputs, baselines)
    total, base = _ends(network, inputs, baselines, target)
    change, size = total - base, np.zeros(len(total)) if scale is None else scale[target.cpu().numpy()]
    allowed = tolerance * np.maximum(np.abs(change), size)
    values, gap = np.zeros(tuple(inputs.shape)), np.abs(change)
    used, spent = np.zeros(len(inputs), dtype=np.int64), np.zeros(len(inputs), dtype=np.int64)
    going = np.arange(len(inputs))
    for count in steps:
        for rows in np.array_split(going, -(-len(going) * count * paths.shape[1] // chunk) or 1):
            place = torch.as_tensor(rows, device=inputs.device)
            values[rows] = _integral(network, inputs[place], paths[place], target[place], count=count, chunk=chunk)
        used[going], spent[going] = count, spent[going] + count * paths.shape[1]
        gap[going] = np.abs(values[going].reshape(len(going), int(np.prod(inputs.shape[1:]))).sum(axis=1) - change[going])
        going = going[gap[going] > allowed[going]]
        if not len(going):
            break
    return IntegratedGradients(values, base, total, gap, used, spent)


def _paths(inputs: Tensor, baselines: Tensor) -> Tensor:
    """Baselines of each row, (n, b, …)."""
    if not inputs.is_floating_point():
        raise MethodError(f"integrated gradients need inputs of floating type, found {inputs.dtype}")
    paths = baselines.expand(len(inputs), *baselines.shape) if baselines.ndim == inputs.ndim else baselines
    if paths.ndim != inputs.ndim + 1 or paths.shape[0] != len(inputs) or paths.shape[2:] != inputs.shape[1:] or not paths.shape[1]:
        raise MethodError(f"baselines of shape {tuple(baselines.shape)} do not fit inputs of shape {tuple(inputs.shape)}")
    return paths


def _ends(network: Network, inputs: Tensor, baselines: Tensor, target: Tensor) -> tuple[Array, Array]:
    """Outputs of the inputs and mean outputs over the baselines, (n,) each, in the target column."""
    column = target.cpu()[:, None]
    total = answered(network, inputs).gather(1, column)[:, 0]
    flat = baselines.reshape(-1, *inputs.shape[1:])
    answers = answered(network, flat).reshape(*baselines.shape[: baselines.ndim - inputs.ndim + 1], -1)
    means = answers.mean(dim=-2).expand(len(inputs), -1)
    return total.numpy(), means.gather(1, column)[:, 0].numpy()


def _integral(network: Network, inputs: Tensor, paths: Tensor, target: Tensor, *, count: int, chunk: int) -> Array:
    """Attributions (r, …) of a few rows with `count` points on each path."""
    nodes, shares = (torch.as_tensor(half, dtype=inputs.dtype, device=inputs.device) for half in _gauss_legendre(count))
    along, slope = inputs[:, None] - paths, torch.zeros_like(paths)
    for part in torch.split(torch.arange(count, device=inputs.device), max(1, chunk // max(1, len(inputs) * paths.shape[1]))):
        points = paths + nodes[part].reshape(-1, *(1,) * along.ndim) * along
        chosen = target.repeat_interleave(paths.shape[1]).repeat(len(part))
        slopes = _slope(network, points.reshape(-1, *inputs.shape[1:]), chosen).reshape(points.shape)
        slope = slope + torch.einsum("s,s...->...", shares[part], slopes)
    values: Array = float64((slope * along).mean(dim=1)).numpy()
    return values


def _slope(network: Network, points: Tensor, target: Tensor) -> Tensor:
    """Gradient of the target column at each point; the sum over points is differentiated, and no point enters another's."""

    def of(part: slice) -> Tensor:
        leaf = points[part].requires_grad_(True)
        (gradient,) = torch.autograd.grad(network(leaf).gather(1, target[part, None]).sum(), leaf)
        return gradient

    found = list(each_run(of, points.shape[0], max(1, points.shape[0]), points.device))
    return found[0] if len(found) == 1 else torch.cat(found) if found else torch.zeros_like(points)


@cache
def _gauss_legendre(count: int) -> tuple[Array, Array]:
    """Nodes and weights of the quadrature on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2
