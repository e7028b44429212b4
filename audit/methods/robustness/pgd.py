"""Projected gradient descent within a ball: sign steps, several starts, and rows that leave the batch as soon as their decision changes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from audit.methods.robustness.attack import Attack
from audit.methods.robustness.gradient import slope
from audit.methods.robustness.losses import Loss, Network, flipped
from audit.methods.robustness.neighbourhood import Ball, Neighbourhood


def pgd(
    network: Network,
    space: Neighbourhood,
    target: Tensor,
    *,
    scale: Tensor,
    starts: Tensor,
    loss: Loss,
    steps: int = 40,
    rival: Tensor | None = None,
) -> Attack:
    """Sign-gradient ascent of `loss` within the radius vector times `scale` (m,), from each of `starts` (restarts, m, d).

    Madry et al. 2018, arXiv:1706.06083; the step falls from the whole width of the ball to zero along a cosine. Whole numbers and codes
    are rounded before each pass and the gradient at the rounded point moves the unrounded one, so every candidate is legal. `target` (m,)
    is the decision to be changed, `rival` (m,) the class that a loss which aims at one climbs to. A row's result depends on no other row.
    """
    ball, best, toward = space.ball(scale), Attack.none(space.start), target if rival is None else rival
    for start in starts:
        left = torch.nonzero(~best.found)[:, 0]
        if len(left):
            best.put(left, _climb(network, ball.rows(left), target[left], toward[left], start=start[left], loss=loss, steps=steps))
    return best


def fgsm(network: Network, space: Neighbourhood, target: Tensor, *, scale: Tensor, loss: Loss) -> Attack:
    """One sign step to the edge of the ball. Goodfellow et al. 2015, arXiv:1412.6572."""
    return pgd(network, space, target, scale=scale, starts=space.start[None], loss=loss, steps=1)


def _climb(network: Network, ball: Ball, target: Tensor, rival: Tensor, *, start: Tensor, loss: Loss, steps: int) -> Attack:
    result, rows = Attack.none(ball.start), torch.arange(len(target), device=target.device)
    values, width = ball.clamp(start), (ball.upper - ball.lower) / 2
    for step in range(steps):
        point = ball.round(values)
        here = slope(network, point, target, rival, loss=loss)
        gradient, won = here.gradient, flipped(here.logits, target)
        if bool(won.any()):
            result.note(rows[won], won[won], point[won], queries=step + 1)
            left = ~won
            rows, target, rival, ball = rows[left], target[left], rival[left], ball.rows(left)
            values, width, gradient = values[left], width[left], gradient[left]
            if not len(rows):
                return result
        length = 1 + math.cos(math.pi * step / steps)
        values = ball.clamp_(values.addcmul_(gradient.sign_(), width, value=length))
    point = ball.round(values)
    result.note(rows, flipped(network(point), target), point, queries=steps + 1)
    return result
