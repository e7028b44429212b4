"""Searches without gradients: greedy choice of codes, and random corners of the ball. They also catch networks that hide their gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from audit.methods.robustness.attack import Attack
from audit.methods.robustness.losses import Network, flipped, margin
from audit.methods.robustness.neighbourhood import Ball, Choice, Neighbourhood


def greedy_codes(network: Network, space: Neighbourhood, target: Tensor, *, scale: Tensor) -> Attack:
    """Give each choice in turn the code that lowers the margin most; `adversarial` is the point reached even where it does not succeed."""
    ball, reached = space.ball(scale), space.start.clone()
    if not ball.choices:
        return Attack.none(space.start)
    logits, queries = network(reached), torch.ones_like(target)
    lowest, found = margin(logits, target), flipped(logits, target)
    for choice in ball.choices:
        for code in choice.codes:
            candidate = _with_code(reached, choice, code)
            logits = network(candidate)
            queries += 1
            gap = margin(logits, target)
            better = ~found & (gap < lowest)
            reached, lowest = torch.where(better[:, None], candidate, reached), torch.where(better, gap, lowest)
            found |= better & flipped(logits, target)
    return Attack(reached, found, queries)


def random_corners(network: Network, space: Neighbourhood, target: Tensor, *, scale: Tensor, signs: Tensor) -> Attack:
    """Corners of the ball: the upper bound where `signs` (tries, m, d) is positive, the lower bound elsewhere, rounded to legal values."""
    ball, best = space.ball(scale), Attack.none(space.start)
    for sign in signs:
        left = torch.nonzero(~best.found)[:, 0]
        if len(left):
            point = _corner(ball.rows(left), sign[left])
            best.note(left, flipped(network(point), target[left]), point)
    return best


def _corner(ball: Ball, sign: Tensor) -> Tensor:
    return ball.round(torch.where(sign > 0, ball.upper, ball.lower))


def _with_code(values: Tensor, choice: Choice, code: Tensor) -> Tensor:
    made = values.clone()
    made[:, choice.entries] = torch.where(choice.free[:, None], code, values[:, choice.entries])
    return made
