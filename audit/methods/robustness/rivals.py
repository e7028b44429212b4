"""Attacks aimed at one other class after another, for decisions between three classes or more."""

from __future__ import annotations

import torch
from torch import Tensor

from audit.methods.robustness.attack import Attack
from audit.methods.robustness.losses import Loss, Network, ratio_loss
from audit.methods.robustness.neighbourhood import Neighbourhood
from audit.methods.robustness.pgd import pgd


def toward(rival: int) -> Loss:
    """Logit of one class above that of the decision, free of the scale of the logits; constant for rows decided as that class."""

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        gap = logits[:, rival] - logits.gather(1, target[:, None])[:, 0]
        return gap / (gap.detach().abs() + torch.finfo(gap.dtype).tiny)

    return loss


def likeliest(network: Network, space: Neighbourhood, target: Tensor, rivals: int) -> Tensor:
    """The classes other than `target` with the largest logits at the rows themselves, (m, r); r is 0 with fewer than three classes."""
    logits = network(space.start).detach()
    if logits.shape[1] <= 2:
        return target.new_zeros((len(target), 0))
    others = logits.scatter(1, target[:, None], -torch.inf)
    return others.topk(min(rivals, logits.shape[1] - 1), dim=1).indices


def pgd_rivals(network: Network, space: Neighbourhood, target: Tensor, *, scale: Tensor, starts: Tensor, rivals: Tensor, steps: int = 40) -> Attack:
    """PGD with the ratio loss from all of `starts`, then from each toward the `rivals` (m, r) in turn, until a row gives way.

    An untargeted loss follows the class that is nearest in logits, which need not be the one nearest in the inputs.
    """
    best = pgd(network, space, target, scale=scale, starts=starts, loss=ratio_loss, steps=steps)
    for column in rivals.T:
        for rival in torch.unique(column).tolist():
            rows = torch.nonzero(~best.found & (column == rival))[:, 0]
            if len(rows):
                near = starts[:, rows]
                best.put(rows, pgd(network, space.rows(rows), target[rows], scale=scale[rows], starts=near, loss=toward(rival), steps=steps))
    return best
