"""Gradients of a loss with respect to the inputs only; parameters and their gradients are never touched."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from audit.methods.robustness.losses import Loss, Network
from audit.models.chunks import each_part


@dataclass(frozen=True)
class Slope:
    """Logits (m, k) at the inputs and the gradient (m, d) of the loss there; zero where the network gives none."""

    logits: Tensor
    gradient: Tensor


def slope(network: Network, inputs: Tensor, target: Tensor, rival: Tensor, *, loss: Loss) -> Slope:
    """One forward and one backward pass. The sum over rows is differentiated, so that no row depends on the size of the batch; where memory
    runs out, rows go in several passes."""
    if not len(inputs):
        return _slope(network, inputs, target, rival, loss)
    places = torch.arange(len(inputs), device=inputs.device)
    found = list(each_part(lambda part: _slope(network, inputs[part], target[part], rival[part], loss), places, len(inputs)))
    return found[0] if len(found) == 1 else Slope(torch.cat([one.logits for one in found]), torch.cat([one.gradient for one in found]))


def _slope(network: Network, inputs: Tensor, target: Tensor, rival: Tensor, loss: Loss) -> Slope:
    leaf = inputs.detach().requires_grad_(True)
    logits = network(leaf)
    total = loss(logits, target, rival).sum()
    if not total.requires_grad:
        return Slope(logits.detach(), torch.zeros_like(inputs))
    (gradient,) = torch.autograd.grad(total, leaf, allow_unused=True, materialize_grads=True)
    return Slope(logits.detach(), torch.nan_to_num_(gradient, nan=0.0, posinf=0.0, neginf=0.0))


def without_slope(network: Network, inputs: Tensor, target: Tensor, loss: Loss) -> Tensor:
    """Rows (m,) bool whose gradient is zero in every entry, so that a gradient attack cannot set out."""
    return (slope(network, inputs, target, target, loss=loss).gradient == 0).all(dim=1)
