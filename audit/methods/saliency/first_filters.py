"""The filters of a network's first layer: the weights with which it looks at its inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from audit.errors import MethodError
from audit.models.hooks import restored_hooks

READERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True)
class Filters:
    """`weights` (filters, …) float64 of the layer `name`: (out, in) of a linear layer, (out, channels, taps) or (out, channels, height, width)."""

    name: str
    weights: NDArray[np.float64]

    @property
    def norms(self) -> NDArray[np.float64]:
        """Euclidean length of each filter, (filters,)."""
        return np.asarray(np.linalg.norm(self.weights.reshape(len(self.weights), -1), axis=1))

    @property
    def alike(self) -> NDArray[np.float64]:
        """Largest absolute cosine of each filter with another, (filters,) in [0, 1]; NaN where either has no weight or there is no other."""
        flat, norms = self.weights.reshape(len(self.weights), -1), self.norms
        unit = np.divide(flat, norms[:, None], out=np.zeros_like(flat), where=norms[:, None] > 0)
        cosines = np.abs(unit @ unit.T)
        np.fill_diagonal(cosines, 0)
        known = (norms > 0) & ((norms > 0).sum() > 1)
        return np.where(known, np.minimum(cosines.max(axis=1, initial=0), 1), np.nan)


def first_filters(network: Callable[[Tensor], Tensor], module: nn.Module, rows: Tensor) -> Filters:
    """Filters of the layer of `module` that `network` calls first, on `rows` (m, …).

    Raises MethodError when the first layer is no linear layer or convolution, or is not given the inputs themselves: what is behind an embedding
    or a recurrent layer are no filters of the inputs.
    """
    called: list[tuple[str, nn.Module, Tensor]] = []

    def noting(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda part, given: called.append((name, part, given[0])) if given and isinstance(given[0], Tensor) else None

    with restored_hooks(module):
        for name, part in module.named_modules():
            if not list(part.children()) and list(part.parameters(recurse=False)):
                part.register_forward_pre_hook(noting(name))
        network(rows)
    if not called:
        raise MethodError("the network calls no layer with weights")
    name, part, given = called[0]
    if not isinstance(part, READERS):
        raise MethodError(f"the first layer {name!r} is {type(part).__name__}, not a linear layer or convolution, so it has no filters to look at")
    if len(given) != len(rows) or (sorted(given.shape[1:]) != sorted(rows.shape[1:]) and given[0].numel() != rows[0].numel()):
        raise MethodError(
            f"the first layer {name!r} is given {tuple(given.shape[1:])} for inputs of {tuple(rows.shape[1:])}, not the inputs themselves"
        )
    return Filters(name, part.weight.detach().cpu().double().numpy())
