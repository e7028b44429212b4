"""Outputs of any declared kind as logits whose largest, or with one logit whose sign, is the decision; differentiable."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from audit.errors import MethodError
from audit.facts import Facts

EDGE = 1e-7
"""Declared probabilities are kept this far from 0 and 1, the resolution of float32, where a logit is taken of them."""


def decision_logits(outputs: Tensor, facts: Facts) -> Tensor:
    """(m, k) outputs → (m, 1) distance to the threshold for two classes, else (m, k) logits; raises MethodError for other tasks."""
    if facts.task == "multiclass":
        return torch.log(outputs.clamp_min(EDGE)) if facts.output == "probabilities" else outputs
    if not facts.two_classes or facts.output not in ("logits", "log_probabilities", "probabilities", "score", "reconstruction"):
        raise MethodError(f"a decision can be attacked for two or more classes; found {facts.output} for {facts.task}")
    threshold = 0.5 if facts.threshold is None else facts.threshold
    if facts.output in ("score", "reconstruction"):
        return outputs[:, :1] - threshold
    return _log_odds(outputs, facts)[:, None] - _logit(threshold)


def _log_odds(outputs: Tensor, facts: Facts) -> Tensor:
    if facts.output == "probabilities":
        return torch.logit(outputs[:, -1], eps=EDGE)
    if outputs.shape[1] == 2:
        return outputs[:, 1] - outputs[:, 0]
    if facts.output == "log_probabilities":
        return torch.logit(torch.exp(outputs[:, 0]), eps=EDGE)
    return outputs[:, 0]


def _logit(share: float) -> float:
    clipped = min(max(share, 1e-15), 1 - 1e-15)
    return math.log(clipped) - math.log1p(-clipped)
