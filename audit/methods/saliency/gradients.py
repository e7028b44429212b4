"""Gradients of one chosen output per row with respect to the inputs, plain and averaged under noise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.errors import MethodError
from audit.models.chunks import each_part

Network = Callable[[Tensor], Tensor]
CHUNK_ROWS = 256
"""Rows whose gradients are taken at once."""


@dataclass(frozen=True)
class Averaged:
    """A mean over random draws and its doubt."""

    mean: NDArray[np.float64]
    """Mean, of the shape of a draw."""
    se: NDArray[np.float64]
    """Standard deviation over draws over the root of their number, of the same shape; NaN for a single draw."""
    draws: int
    """Number of draws."""


def gradients(network: Network, inputs: Tensor, target: Tensor) -> Tensor:
    """Gradient of output `target` (n,) int64 of each row of `inputs` (n, …) with respect to that row, (n, …) in the type of the inputs.

    `network: (m, …) -> (m, k)` treats rows apart. Simonyan et al. 2014, arXiv:1312.6034. Raises MethodError for an integer leaf.
    """
    if not inputs.is_floating_point():
        raise MethodError(f"saliency differentiates a floating leaf; this one is {inputs.dtype}")
    places = torch.arange(len(inputs), device=inputs.device)
    found = list(each_part(lambda part: _slopes(network, inputs[part], target[part]), places, CHUNK_ROWS))
    return torch.cat(found) if found else torch.zeros_like(inputs)


def noisy_gradients(network: Network, inputs: Tensor, target: Tensor, noise: Iterable[Tensor], *, scale: Tensor) -> Iterator[Tensor]:
    """Gradients at ``inputs + scale * draw`` for each draw of standard normal `noise`, of the shape of `inputs` (n, …).

    `scale` (…) is the standard deviation of each entry; averaged over draws this is SmoothGrad, Smilkov et al. 2017, arXiv:1706.03825.
    """
    for draw in noise:
        if draw.shape != inputs.shape:
            raise MethodError(f"noise has shape {tuple(draw.shape)}, inputs {tuple(inputs.shape)}")
        yield gradients(network, inputs + scale * draw, target)


def averaged(draws: Iterable[NDArray[np.float64]]) -> Averaged:
    """Mean of equally shaped arrays, one at a time (Welford 1962, doi:10.1080/00401706.1962.10490022); raises MethodError for none."""
    count, mean, squares = 0, np.zeros(()), np.zeros(())
    for draw in draws:
        count += 1
        away = draw - mean
        mean = mean + away / count
        squares = squares + away * (draw - mean)
    if count == 0:
        raise MethodError("a mean needs at least one draw")
    error = np.sqrt(squares / (count - 1) / count) if count > 1 else np.full_like(mean, np.nan)
    return Averaged(mean, error, count)


def _slopes(network: Network, inputs: Tensor, target: Tensor) -> Tensor:
    leaf = inputs.detach().clone().requires_grad_()
    chosen = network(leaf).gather(1, target[:, None])
    return torch.autograd.grad(chosen.sum(), leaf)[0]
