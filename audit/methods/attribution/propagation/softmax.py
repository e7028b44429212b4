"""Softmax and its logarithm: a closed form that adds up for logits of any size and treats all places alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from audit.methods.attribution.propagation.pair import Arguments, Named, Pair, Rule, stated


def softmax(operator: Any, args: Arguments, kwargs: Named) -> Pair:  # noqa: ARG001
    """Slopes rₖ(δₖⱼ − rⱼ/Σr), with rₖ the logarithmic mean of the probability of place k for the row and for its baseline.

    They add up, Σⱼ rₖ(δₖⱼ − rⱼ/Σr) Δzⱼ = Δpₖ, because Δ log pₖ = Δzₖ − ΔL and Σ rₖ Δ log pₖ = Σ Δpₖ = 0 give ΔL = Σ rₖ Δzₖ / Σ r. The
    matrix is symmetric, gives nothing for a shift of all logits, does not ask which of the two is the row, and is the gradient where the
    two agree.
    """
    pair, dim = args[0], args[1]
    logs = [torch.log_softmax(half, dim) for half in (pair.value, pair.base)]
    mean = logarithmic_mean(*logs)
    surrogate = mean * (pair.row - _centre(pair.row, mean, dim))
    return stated(surrogate, _probability(logs[0]), _probability(logs[1]))


def log_softmax(operator: Any, args: Arguments, kwargs: Named) -> Pair:  # noqa: ARG001
    """Slopes δₖⱼ − rⱼ/Σr, with r as in `softmax`."""
    pair, dim = args[0], args[1]
    logs = [torch.log_softmax(half, dim) for half in (pair.value, pair.base)]
    return stated(pair.row - _centre(pair.row, logarithmic_mean(*logs), dim), logs[0], logs[1])


def logsumexp(operator: Any, args: Arguments, kwargs: Named) -> Pair:
    """Slopes rⱼ/Σr, with r as in `softmax`."""
    pair, dims = args[0], args[1]
    row, base = operator(pair.value, *args[1:], **kwargs), operator(pair.base, *args[1:], **kwargs)
    halves = [half - torch.logsumexp(half, dims, keepdim=True) for half in (pair.value, pair.base)]
    surrogate = _centre(pair.row, logarithmic_mean(*halves), dims)
    return stated(surrogate.reshape(row.shape), row, base)


def logarithmic_mean(first: Tensor, second: Tensor) -> Tensor:
    """(p − q)/(log p − log q) of numbers given by their logarithms; p where they agree, and 0 where either is 0."""
    half = (first - second) / 2
    small = half.abs() < 0.5
    squared = torch.where(small, half, 0) ** 2
    series = 1 + squared / 6 * (1 + squared / 20 * (1 + squared / 42 * (1 + squared / 72)))  # sinh(h)/h, good to 1e-11 for h below a half
    near = torch.exp((first + second) / 2) * series
    far = (first.exp() - second.exp()) / torch.where(small, 1, 2 * half)
    return torch.nan_to_num(torch.where(small, near, far), nan=0.0)


def _centre(entries: Tensor, weights: Tensor, dim: int | list[int]) -> Tensor:
    """Mean of the entries along `dim` by the weights; places without weight take no part, whatever stands there."""
    finite = torch.where(weights > 0, entries, 0)
    total = weights.sum(dim, keepdim=True)
    return (finite * weights).sum(dim, keepdim=True) / torch.where(total > 0, total, 1)


def _probability(logarithms: Tensor) -> Tensor:
    """Probabilities; 0 everywhere where every place is shut out."""
    return torch.nan_to_num(logarithms.exp(), nan=0.0)


RULES: Mapping[str, Rule] = {"_softmax": softmax, "_safe_softmax": softmax, "_log_softmax": log_softmax, "logsumexp": logsumexp}
