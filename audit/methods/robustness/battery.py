"""The attacks that are run together on each row, and their pointwise worst case."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from audit.methods.robustness.attack import Attack, nearest
from audit.methods.robustness.losses import Network, cross_entropy, ratio_loss
from audit.methods.robustness.neighbourhood import Neighbourhood
from audit.methods.robustness.pgd import pgd
from audit.methods.robustness.rivals import nearest_rivals, pgd_rivals
from audit.methods.robustness.search import greedy_codes, random_corners


@dataclass(frozen=True)
class Draws:
    """Random numbers per row, drawn outside so that batching changes none: `shares` (restarts - 1, m, d) in [0, 1], `signs` (tries, m, d)."""

    shares: Tensor
    signs: Tensor


@dataclass(frozen=True)
class Battery:
    """Each attack on its own, and `worst`, the nearest change any of them found."""

    cross_entropy: Attack
    ratio: Attack
    corners: Attack
    worst: Attack
    starts: Tensor
    """Where the gradient attacks set out, (restarts, m, d)."""


def battery(network: Network, space: Neighbourhood, target: Tensor, *, scale: Tensor, draws: Draws, steps: int = 40, rivals: int = 4) -> Battery:
    """Gradient attacks with two losses, a greedy choice of codes and random corners, at a `scale` (m,) of the radius."""
    codes = greedy_codes(network, space, target, scale=scale)
    starts = start_points(space, scale, draws.shares, codes)
    entropy = pgd(network, space, target, scale=scale, starts=starts, loss=cross_entropy, steps=steps)
    ratio = pgd(network, space, target, scale=scale, starts=starts, loss=ratio_loss, steps=steps)
    _try_rivals(network, space, target, scale=scale, best=ratio, rivals=rivals, steps=steps)
    corners = random_corners(network, space, target, scale=scale, signs=draws.signs)
    return Battery(entropy, ratio, corners, nearest([entropy, ratio, corners, codes], space), starts)


def _try_rivals(network: Network, space: Neighbourhood, target: Tensor, *, scale: Tensor, best: Attack, rivals: int, steps: int) -> None:
    """With three classes or more, aim at one class after another where the untargeted loss did not succeed."""
    rows = torch.nonzero(~best.found)[:, 0]
    near = space.rows(rows)
    others = nearest_rivals(network, near, target[rows], rivals)
    if len(rows) and others.shape[1]:
        best.put(rows, pgd_rivals(network, near, target[rows], scale=scale[rows], starts=near.start[None], rivals=others, steps=steps))


def start_points(space: Neighbourhood, scale: Tensor, shares: Tensor, codes: Attack) -> Tensor:
    """The rows themselves, where there are choices the point of greedy codes, and points drawn within the ball; (restarts, m, d)."""
    ball = space.ball(scale)
    drawn = ball.lower + shares * (ball.upper - ball.lower)
    fixed = [space.start, codes.adversarial] if ball.choices else [space.start]
    return torch.cat([torch.stack(fixed), drawn])


def hundredfold(network: Network) -> Network:
    """The same decisions with logits a hundred times as large; an honest verdict does not depend on it."""
    return lambda inputs: 100 * network(inputs)
