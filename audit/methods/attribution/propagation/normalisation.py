"""Normalisations and spreads: mean, centre, square, root and product, each in closed form, so that they add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.propagation.linear import linear
from audit.methods.attribution.propagation.pair import Arguments, Named, Pair, Rule, pairs_in, scaled, stated

Average = Callable[[Tensor], Tensor]


def normalised(pair: Pair, average: Average, eps: float, *, centred: bool = True) -> Pair:
    """(z − μ)/√(v + ε), with `average` taking means over what is normalised together.

    With c = z − μ, v = mean c² and s = (v + ε)^−½: Δv = mean 2c̄Δc, Δs = −(s₁s₀)²/(s₁ + s₀) Δv and Δ(cs) = s̄Δc + c̄Δs, where bars are
    means of row and baseline. Exact, the same whichever of the two is the row, and the gradient where they agree.
    """
    shift: Average = average if centred else torch.zeros_like
    first, second = pair.value - shift(pair.value), pair.base - shift(pair.base)
    up, low = (torch.rsqrt(average(centre**2) + eps) for centre in (first, second))
    middle, slope = (first + second) / 2, -((up * low) ** 2) / (up + low)
    moved = pair.row - shift(pair.row)
    surrogate = moved * ((up + low) / 2) + middle * (slope * average(2 * middle * moved))
    return stated(surrogate, first * up, second * low)


def layer_norm(operator: Any, args: Arguments, kwargs: Named) -> tuple[Pair, None, None]:
    """Layer normalisation over the last dimensions, and its scale and shift."""
    _only_first(operator, args, kwargs)
    pair, shape, weight, bias, eps = args[:5]
    dims = tuple(range(-len(shape), 0))
    return _affine(normalised(pair, lambda z: z.mean(dims, keepdim=True), eps), weight, bias), None, None


def rms_norm(operator: Any, args: Arguments, kwargs: Named) -> tuple[Pair, None]:
    """Division by the root of the mean square over the last dimensions."""
    _only_first(operator, args, kwargs)
    pair, shape, weight, eps = args[:4]
    dims = tuple(range(-len(shape), 0))
    found = normalised(pair, lambda z: z.mean(dims, keepdim=True), torch.finfo(pair.base.dtype).eps if eps is None else eps, centred=False)
    return _affine(found, weight, None), None


def group_norm(operator: Any, args: Arguments, kwargs: Named) -> tuple[Pair, None, None]:
    """Normalisation over groups of channels and all places of a row."""
    _only_first(operator, args, kwargs)
    pair, weight, bias, rows, channels, _places, groups, eps = args
    grouped = linear(torch.ops.aten.reshape.default, (pair, [rows, groups, -1]), {})
    found = normalised(grouped, lambda z: z.mean(-1, keepdim=True), eps)
    shaped = linear(torch.ops.aten.reshape.default, (found, list(pair.base.shape)), {})
    return _affine(shaped, *(_per_channel(part, channels, pair.base.ndim) for part in (weight, bias))), None, None


def batch_norm(operator: Any, args: Arguments, kwargs: Named) -> Any:
    """Batch normalisation with stored statistics, which is linear; with those of the batch only where that holds one row's channels."""
    _only_first(operator, args, kwargs)
    pair, weight, bias = args[:3]
    name = str(operator).split(".")[1]
    training = name == "_native_batch_norm_legit" or (name == "native_batch_norm" and args[5]) or operator._overloadname == "no_stats"
    if not training:
        rows, bases = (operator(half, *args[1:], **kwargs)[0] for half in (pair.row, pair.base))
        return Pair(rows, bases), None, None, None
    if pair.base.shape[0] != 1:
        raise MethodError("batch normalisation uses the statistics of the batch, so an output depends on which other rows it is asked with")
    dims = (0, *range(2, pair.base.ndim))
    found = normalised(pair, lambda z: z.mean(dims, keepdim=True), args[-1])
    return _affine(found, *(_per_channel(part, pair.base.shape[1], pair.base.ndim) for part in (weight, bias))), None, None, None


def variance(operator: Any, args: Arguments, kwargs: Named) -> Pair:
    """Variance: the mean square of what is centred; Δ mean c² = mean 2c̄Δc."""
    pair, dims = args[0], args[1] if len(args) > 1 else None
    dims = list(range(pair.base.ndim)) if dims is None else dims
    row, base = operator(pair.value, *args[1:], **kwargs), operator(pair.base, *args[1:], **kwargs)
    first, second = (half - half.mean(dims, keepdim=True) for half in (pair.value, pair.base))
    moved = pair.row - pair.row.mean(dims, keepdim=True)
    count = pair.base.numel() / max(row.numel(), 1)
    correction = kwargs.get("correction", args[2] if len(args) > 2 else None)
    surrogate = ((first + second) * moved).sum(dims, keepdim=True) / (count - (1 if correction is None else correction))
    return stated(surrogate.reshape(row.shape), row, base)


def variance_and_mean(operator: Any, args: Arguments, kwargs: Named) -> tuple[Pair, Pair]:  # noqa: ARG001
    """Variance and mean at once."""
    dims = args[1] if len(args) > 1 and args[1] is not None else list(range(args[0].base.ndim))
    keep = kwargs.get("keepdim", False)
    return variance(torch.ops.aten.var.correction, args, kwargs), Pair(*(half.mean(dims, keepdim=keep) for half in (args[0].row, args[0].base)))


def deviation(operator: Any, args: Arguments, kwargs: Named) -> Pair:  # noqa: ARG001
    """Standard deviation: the root of the variance."""
    return rooted(variance(torch.ops.aten.var.correction, args, kwargs))


def length(operator: Any, args: Arguments, kwargs: Named) -> Pair:
    """Euclidean length, or the sum of absolute values."""
    pair, order, dims = args[0], (args[1] if len(args) > 1 else 2), (args[2] if len(args) > 2 else None)
    if order not in {1, 2}:
        raise MethodError(f"the operator `{str(operator).split('.')[1]}` has no rule for the order {order}")
    row, base = operator(pair.value, *args[1:], **kwargs), operator(pair.base, *args[1:], **kwargs)
    dims = list(range(pair.base.ndim)) if dims is None else dims
    if order == 1:
        slope = torch.where(pair.change == 0, pair.value.sign(), (pair.value.abs() - pair.base.abs()) / pair.change)
        return stated((pair.row * slope).sum(dims).reshape(row.shape), row, base)
    both = row + base
    shape = pair.value.sum(dims, keepdim=True).shape
    slope = (pair.value + pair.base) / torch.where(both > 0, both, 1).reshape(shape)
    return stated((pair.row * slope).sum(dims).reshape(row.shape), row, base)


def rooted(pair: Pair) -> Pair:
    """The square root, with the slope 1/(√row + √base); 0 where both are 0."""
    row, base = pair.value.sqrt(), pair.base.sqrt()
    both = row + base
    return scaled(pair, row, base, torch.where(both > 0, 1 / both, 0))


def _affine(pair: Pair, weight: Tensor | None, bias: Tensor | None) -> Pair:
    row, base = (half if weight is None else half * weight for half in (pair.row, pair.base))
    return Pair(row if bias is None else row + bias, base if bias is None else base + bias)


def _per_channel(part: Tensor | None, channels: int, dims: int) -> Tensor | None:
    return None if part is None else part.reshape(1, channels, *(1,) * (dims - 2))


def _only_first(operator: Any, args: Sequence[Any], kwargs: Named) -> None:
    if not isinstance(args[0], Pair) or pairs_in((tuple(args[1:]), dict(kwargs))):
        raise MethodError(f"the operator `{str(operator).split('.')[1]}` has a scale or shift that depends on the inputs")


RULES: Mapping[str, Rule] = {
    "native_layer_norm": layer_norm,
    "native_group_norm": group_norm,
    "_fused_rms_norm": rms_norm,
    "native_batch_norm": batch_norm,
    "_native_batch_norm_legit": batch_norm,
    "_native_batch_norm_legit_no_training": batch_norm,
    "var": variance,
    "std": deviation,
    "var_mean": variance_and_mean,
    "linalg_vector_norm": length,
    "norm": length,
}
