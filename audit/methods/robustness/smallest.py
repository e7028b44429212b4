"""The smallest scale of the radius vector at which a decision changes, by walking back and by bisection; rows that never change are censored."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from audit.methods.robustness.attack import Attack
from audit.methods.robustness.losses import Network, flipped
from audit.methods.robustness.neighbourhood import Neighbourhood
from audit.methods.robustness.rivals import likeliest, pgd_rivals

WALKS = 12
"""Halvings on the line from the row to the changed row."""


@dataclass(frozen=True)
class Smallest:
    """`scale` (m,): units of the radius of the nearest change found, an upper bound; the largest one tried where `censored` (m,) bool."""

    scale: Tensor
    censored: Tensor
    attack: Attack


def smallest_scale(
    network: Network,
    space: Neighbourhood,
    target: Tensor,
    *,
    known: Attack,
    largest: float,
    rivals: int = 4,
    steps: int = 40,
    rounds: int = 8,
    tolerance: float = 0.01,
) -> Smallest:
    """Bisect the scale between 0 and the nearest change, row by row.

    `known` holds what earlier attacks found; the other rows are attacked at `largest` and censored where that fails (`rivals` other classes
    are tried). Each round attacks
    halfway, from the nearest change found so far, until the ends are within `tolerance` of each other. The result is never smaller than
    the true minimum, and every change behind it was seen to change the decision.
    """
    best = Attack(known.adversarial.clone(), known.found.clone(), torch.zeros_like(known.queries))
    ceiling = torch.full_like(space.start[:, 0], largest)
    others = likeliest(network, space, target, rivals)
    _attack(network, space, target, torch.nonzero(~best.found)[:, 0], scale=ceiling, best=best, others=others, steps=steps)
    rows = torch.nonzero(best.found)[:, 0]
    _walk_back(network, space, target, rows, best)
    lower, upper = torch.zeros_like(ceiling), torch.where(best.found, space.distance(best.adversarial), ceiling)
    for _ in range(rounds):
        rows = rows[(upper - lower)[rows] > tolerance * upper[rows]]
        if not len(rows):
            break
        middle = (lower + upper) / 2
        won = _attack(network, space, target, rows, scale=middle, best=best, others=others, steps=steps)
        lower[rows[~won]] = middle[rows[~won]]
        _walk_back(network, space, target, rows[won], best)
        upper[rows] = space.rows(rows).distance(best.adversarial[rows])
    return Smallest(upper, ~best.found, best)


def _attack(
    network: Network, space: Neighbourhood, target: Tensor, rows: Tensor, *, scale: Tensor, best: Attack, others: Tensor, steps: int
) -> Tensor:
    """Attack some rows, from their nearest change so far and from themselves; returns which gave way."""
    if not len(rows):
        return torch.zeros_like(rows, dtype=torch.bool)
    near = space.rows(rows)
    starts = torch.stack([best.adversarial[rows], near.start])
    result = pgd_rivals(network, near, target[rows], scale=scale[rows], starts=starts, rivals=others[rows], steps=steps)
    best.put(rows, result)
    return result.found


def _walk_back(network: Network, space: Neighbourhood, target: Tensor, rows: Tensor, best: Attack) -> None:
    """Halve the way between each row and its changed row, keeping the side that changes the decision."""
    if not len(rows):
        return
    near, goal = space.rows(rows), target[rows]
    far = best.adversarial[rows]
    ball = near.ball(near.distance(far))
    kept, fixed = torch.ones_like(far[:, 0]), torch.zeros_like(far[:, 0])
    for _ in range(WALKS):
        share = (kept + fixed) / 2
        point = ball.round(near.start + share[:, None] * (far - near.start))
        won = flipped(network(point), goal)
        won &= near.distance(point) <= near.distance(best.adversarial[rows])
        best.note(rows, won, point)
        kept, fixed = torch.where(won, share, kept), torch.where(won, fixed, share)
