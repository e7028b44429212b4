"""Attacks aimed at one other class after another, for decisions between three classes or more."""

from __future__ import annotations

import torch
from torch import Tensor

from audit.methods.robustness.attack import Attack
from audit.methods.robustness.gradient import slope
from audit.methods.robustness.losses import TINY, Network, ratio_loss, rival_gap, rival_loss
from audit.methods.robustness.neighbourhood import Neighbourhood
from audit.methods.robustness.pgd import pgd


def nearest_rivals(network: Network, space: Neighbourhood, target: Tensor, rivals: int) -> Tensor:
    """The `rivals` likeliest other classes, (m, r), the one first that is nearest in units of the radius to first order.

    r is 0 with fewer than three classes. To first order a rival is as far as the difference of logits over the sum of radius times the
    size of its gradient (Moosavi-Dezfooli et al. 2016, arXiv:1511.04599, for the maximum norm).
    """
    logits = network(space.start).detach()
    if logits.shape[1] <= 2 or rivals < 1:
        return target.new_zeros((len(target), 0))
    others = logits.scatter(1, target[:, None], -torch.inf)
    likeliest = others.topk(min(rivals, logits.shape[1] - 1), dim=1).indices
    away = torch.stack([_first_order(network, space, target, rival) for rival in likeliest.T], dim=1)
    return likeliest.gather(1, away.argsort(dim=1, stable=True))


def pgd_rivals(network: Network, space: Neighbourhood, target: Tensor, *, scale: Tensor, starts: Tensor, rivals: Tensor, steps: int = 40) -> Attack:
    """PGD from each of `starts` toward the `rivals` (m, r) in turn, until a row gives way; with two classes on the ratio loss.

    An untargeted loss follows the class that is nearest in logits, which need not be the one nearest in the inputs.
    """
    if not rivals.shape[1]:
        return pgd(network, space, target, scale=scale, starts=starts, loss=ratio_loss, steps=steps)
    best = Attack.none(space.start)
    for rival in rivals.T:
        rows = torch.nonzero(~best.found)[:, 0]
        if len(rows):
            near, begin, toward = space.rows(rows), starts[:, rows], rival[rows]
            best.put(rows, pgd(network, near, target[rows], scale=scale[rows], starts=begin, loss=rival_loss, steps=steps, rival=toward))
    return best


def _first_order(network: Network, space: Neighbourhood, target: Tensor, rival: Tensor) -> Tensor:
    here = slope(network, space.start, target, rival, loss=rival_gap)
    return -rival_gap(here.logits, target, rival) / ((here.gradient.abs() * space.radius).sum(dim=1) + TINY)
