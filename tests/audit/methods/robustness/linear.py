"""Linear networks, whose smallest change is known in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from audit.methods.robustness.neighbourhood import Neighbourhood, neighbourhood


@dataclass(frozen=True)
class Linear:
    """Logits ``inputs @ weights.T + shift``; (k, d) weights."""

    weights: Tensor
    shift: Tensor

    def __call__(self, inputs: Tensor) -> Tensor:
        return inputs @ self.weights.T + self.shift


def random_linear(seed: int, *, classes: int, entries: int) -> Linear:
    generator = torch.Generator().manual_seed(seed)
    return Linear(torch.randn(classes, entries, generator=generator), torch.randn(classes, generator=generator))


def smallest_by_formula(network: Linear, inputs: Tensor, radius: Tensor) -> Tensor:
    """Units of the radius at which some other class draws level: |difference of logits| / sum |difference of weights| radius."""
    logits = network(inputs)
    if logits.shape[1] == 1:
        return logits[:, 0].abs() / (network.weights[0].abs() * radius).sum()
    own = logits.argmax(dim=1)
    gaps = logits.gather(1, own[:, None]) - logits
    reach = ((network.weights[own][:, None] - network.weights[None]).abs() * radius).sum(dim=2)
    return torch.where(reach > 0, gaps / reach, torch.inf).amin(dim=1)


def free_space(start: Tensor, radius: Tensor) -> Neighbourhood:
    """No bounds, everything mutable and continuous."""
    far = torch.full_like(start, 1e6)
    return neighbourhood(start, low=-far, high=far, radius=radius, mutable=torch.ones_like(start, dtype=torch.bool))
