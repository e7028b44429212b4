"""What an attack climbs, and what counts as success. One logit (k = 1) stands for class 1 against class 0 and decides at zero."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Network = Callable[[Tensor], Tensor]
"""(m, d) → (m, k): one logit per class, or a single logit."""
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(m, k) logits, (m,) int64 decided classes, (m,) int64 rival classes → (m,); larger is further from the decision."""
TINY = 1e-12


def decide(logits: Tensor) -> Tensor:
    """Decided class (m,) int64: the largest logit, the first of equals; with one logit class 1 from zero upwards."""
    return (logits[:, 0] >= 0).long() if logits.shape[1] == 1 else logits.argmax(dim=1)


def flipped(logits: Tensor, target: Tensor) -> Tensor:
    """Whether all logits are finite and the decision differs from `target`, (m,) bool."""
    changed = decide(logits) != target
    return changed & torch.isfinite(logits).all(dim=1) if bool(changed.any()) else changed


def margin(logits: Tensor, target: Tensor) -> Tensor:
    """Logit of `target` minus the largest other one, (m,); negative once the decision has changed."""
    if logits.shape[1] == 1:
        return logits[:, 0] * (2 * target - 1)
    own = logits.gather(1, target[:, None])[:, 0]
    return own - logits.scatter(1, target[:, None], -torch.inf).amax(dim=1)


def cross_entropy(logits: Tensor, target: Tensor, _rival: Tensor) -> Tensor:
    """Log loss in nats, (m,), whoever the rival. Its gradient vanishes in float32 once the logits are some tens apart."""
    if logits.shape[1] == 1:
        return functional.softplus(-margin(logits, target))
    return functional.cross_entropy(logits, target, reduction="none")


def ratio_loss(logits: Tensor, target: Tensor, _rival: Tensor) -> Tensor:
    """Margin of the best other class over the target, free of the scale and shift of the logits, (m,), whoever the rival.

    With three classes or more the difference of logits ratio of Croce & Hein 2020 (arXiv:2003.01690), in [-1, 1]. Two classes have no
    third logit to divide by, so the margin is divided by its own size, held constant: the sign of the gradient is the margin's.
    """
    gap = margin(logits, target)
    if logits.shape[1] <= 2:
        return -gap / (gap.detach().abs() + TINY)
    top = logits.topk(3, dim=1).values
    return -gap / (top[:, 0] - top[:, 2] + TINY)


def rival_loss(logits: Tensor, target: Tensor, rival: Tensor) -> Tensor:
    """Logit of the rival above the target's, divided by its own size held constant, (m,); constant where the rival is the target."""
    gap = rival_gap(logits, target, rival)
    return gap / (gap.detach().abs() + TINY)


def rival_gap(logits: Tensor, target: Tensor, rival: Tensor) -> Tensor:
    """Logit of the rival above the target's, (m,)."""
    return (logits.gather(1, rival[:, None]) - logits.gather(1, target[:, None]))[:, 0]
