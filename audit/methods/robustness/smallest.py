"""The smallest scale of the radius vector at which a decision changes, by walking back and by bisection; rows that never change are censored."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from audit.methods.robustness.attack import Attack
from audit.methods.robustness.losses import Network, decide, flipped, margin
from audit.methods.robustness.neighbourhood import Neighbourhood
from audit.methods.robustness.rivals import nearest_rivals, pgd_rivals
from audit.methods.robustness.search import greedy_codes

WALKS = 12
"""Halvings on the line from the row to the changed row."""
FIRM = 1e-4
"""Share of the row's own margin that a point must lie beyond the boundary, so that rounding cannot undo the change of decision."""


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
    rounds: int = 7,
    tolerance: float = 0.02,
) -> Smallest:
    """Bisect the scale between 0 and the nearest change, row by row.

    `known` holds what earlier attacks found; the other rows are attacked at `largest` and censored where that fails (`rivals` other classes
    are tried). Each round attacks
    halfway, from the nearest change found so far, until the ends are within `tolerance` of each other. The result is never smaller than
    the true minimum, and every change behind it was seen to change the decision.
    """
    best = Attack(known.adversarial.clone(), known.found.clone(), torch.zeros_like(known.queries))
    ceiling = torch.full_like(space.start[:, 0], largest)
    others = nearest_rivals(network, space, target, rivals)
    rows = torch.nonzero(~best.found)[:, 0]
    codes = greedy_codes(network, space.rows(rows), target[rows], scale=ceiling[rows])
    best.put(rows, codes)
    rows = rows[~codes.found]
    _attack(network, space, target, rows, start=codes.adversarial[~codes.found], scale=ceiling, best=best, others=others, steps=steps)
    rows = torch.nonzero(best.found)[:, 0]
    firm = FIRM * margin(network(space.start).detach(), target).abs()
    _walk_back(network, space, target, rows, best=best, firm=firm)
    closest = torch.cat([_reached(network, best, rows, others), others[:, :2]], dim=1)
    lower, upper = torch.zeros_like(ceiling), torch.where(best.found, space.distance(best.adversarial), ceiling)
    for _ in range(rounds):
        rows = rows[(upper - lower)[rows] > tolerance * upper[rows]]
        if not len(rows):
            break
        middle = (lower + upper) / 2
        won = _attack(network, space, target, rows, start=best.adversarial[rows], scale=middle, best=best, others=closest, steps=steps)
        lower[rows[~won]] = middle[rows[~won]]
        _walk_back(network, space, target, rows[won], best=best, firm=firm)
        upper[rows] = space.rows(rows).distance(best.adversarial[rows])
    return Smallest(upper, ~best.found, best)


def _attack(
    network: Network,
    space: Neighbourhood,
    target: Tensor,
    rows: Tensor,
    *,
    start: Tensor,
    scale: Tensor,
    best: Attack,
    others: Tensor,
    steps: int,
) -> Tensor:
    """Attack some rows from the points `start` (r, d); returns which gave way."""
    if not len(rows):
        return torch.zeros_like(rows, dtype=torch.bool)
    near = space.rows(rows)
    result = pgd_rivals(network, near, target[rows], scale=scale[rows], starts=start[None], rivals=others[rows], steps=steps)
    best.put(rows, result)
    return result.found


def _reached(network: Network, best: Attack, rows: Tensor, others: Tensor) -> Tensor:
    """The class that each changed row has now, (m, 1), and (m, 0) with two classes."""
    if not others.shape[1]:
        return others
    reached = others[:, :1].clone()
    if len(rows):
        reached[rows, 0] = decide(network(best.adversarial[rows]).detach())
    return reached


def _walk_back(network: Network, space: Neighbourhood, target: Tensor, rows: Tensor, *, best: Attack, firm: Tensor) -> None:
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
        logits = network(point)
        won = flipped(logits, goal) & (margin(logits, goal) <= -firm[rows])
        won &= near.distance(point) <= near.distance(best.adversarial[rows])
        best.note(rows, won, point)
        kept, fixed = torch.where(won, share, kept), torch.where(won, fixed, share)
