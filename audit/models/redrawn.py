"""A network with some of its weights drawn anew, for as long as a context lasts; afterwards it is what it was, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import torch
from torch import nn

from audit.errors import MethodError

Layers = Literal["last", "all"]


@contextmanager
def redrawn(module: nn.Module, generator: np.random.Generator, *, layers: Layers) -> Iterator[None]:
    """Draw the weights of the last layer, or of all layers, anew.

    Matrices and kernels are drawn from a normal distribution with mean 0 and their own root mean square; vectors (biases, scales of
    normalisations) are shuffled. Buffers stay. The last layer is the one that is defined last. Raises MethodError for a network without
    matrices of weights. Adebayo et al. 2018, arXiv:1810.03292.
    """
    held = _parameters(module, layers)
    kept = [parameter.detach().clone() for parameter in held]
    try:
        with torch.no_grad():
            for parameter in held:
                parameter.copy_(_drawn(parameter.detach(), generator))
        yield
    finally:
        with torch.no_grad():
            for parameter, before in zip(held, kept, strict=True):
                parameter.copy_(before)


def redrawable(module: nn.Module) -> bool:
    """Whether the network has a matrix or kernel of weights."""
    return any(parameter.ndim > 1 and parameter.is_floating_point() for parameter in module.parameters())


def _parameters(module: nn.Module, layers: Layers) -> list[nn.Parameter]:
    owners = [part for part in module.modules() if any(p.ndim > 1 and p.is_floating_point() for p in part.parameters(recurse=False))]
    if not owners:
        raise MethodError("the network has no matrix of weights that could be drawn anew")
    chosen = module.parameters() if layers == "all" else owners[-1].parameters(recurse=False)
    return [parameter for parameter in chosen if parameter.is_floating_point()]


def _drawn(parameter: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    if parameter.ndim < 2:
        order = torch.as_tensor(generator.permutation(parameter.numel()), device=parameter.device)
        return parameter.reshape(-1)[order].reshape(parameter.shape)
    size = float(parameter.double().square().mean().sqrt())
    return torch.as_tensor(generator.normal(scale=size, size=tuple(parameter.shape)), dtype=parameter.dtype, device=parameter.device)
