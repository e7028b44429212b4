"""Products of two things that both change: each gets its own change times the mean of the other, which adds up exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.propagation.elementwise import rescale
from audit.methods.attribution.propagation.linear import linear
from audit.methods.attribution.propagation.pair import Arguments, Named, Pair, Rule, bases_of, rows_of, stated

Multiply = Callable[[Tensor, Tensor], Tensor]


def product(multiply: Multiply, first: Pair, second: Pair) -> Pair:
    """Δ(uv) = Δu·v̄ + ū·Δv with ū and v̄ half way between row and baseline: the integral of the gradient along the straight path, exactly."""
    surrogate = multiply(first.row, second.middle) + multiply(first.middle, second.row)
    return stated(surrogate, multiply(first.value, second.value), multiply(first.base, second.base))


def multiplied(operator: Any, args: Arguments, kwargs: Named) -> Any:
    """A product (`mul`, `mm`, `bmm`, `matmul`, `dot`); linear where one side stays the same."""
    if isinstance(args[0], Pair) and isinstance(args[1], Pair):
        return product(operator, args[0], args[1])
    return linear(operator, args, kwargs)


def added_product(operator: Any, args: Arguments, kwargs: Named) -> Any:
    """A sum with a product of matrices (`addmm`, `baddbmm`)."""
    if not (isinstance(args[1], Pair) and isinstance(args[2], Pair)):
        return linear(operator, args, kwargs)
    whole = product(lambda u, v: operator(torch.zeros((), dtype=u.dtype, device=u.device), u, v, **kwargs), args[1], args[2])
    row, base = operator(*rows_of(args), **kwargs), operator(*bases_of(args), **kwargs)
    added = args[0].row * kwargs.get("beta", 1) if isinstance(args[0], Pair) else 0
    return stated(whole.row + added, row.detach(), base)


def divided(operator: Any, args: Arguments, kwargs: Named) -> Any:
    """A quotient: the product with the reciprocal, which has a rule of its own."""
    if not isinstance(args[1], Pair):
        return linear(operator, args, kwargs)
    if kwargs.get("rounding_mode"):
        raise MethodError("the operator `div` rounds, and a jump cannot be divided among inputs")
    inverse = rescale(torch.ops.aten.reciprocal.default, (args[1],), {})
    if not isinstance(inverse, Pair):
        raise MethodError("the operator `div` has a divisor that is no tensor")
    return times(args[0], inverse)


def times(first: Any, second: Any) -> Pair:
    """first · second, either of them a Pair."""
    found: Pair = multiplied(torch.mul, (first, second), {})
    return found


def gated(operator: Any, args: Arguments, kwargs: Named) -> Any:  # noqa: ARG001
    """A gated linear unit: the first half times the sigmoid of the second."""
    dim = args[1] if len(args) > 1 else -1
    halves = linear(torch.ops.aten.split.Tensor, (args[0], args[0].base.shape[dim] // 2, dim), {})
    return times(halves[0], rescale(torch.ops.aten.sigmoid.default, (halves[1],), {}))


RULES: Mapping[str, Rule] = dict.fromkeys(["mul", "mm", "bmm", "matmul", "dot"], multiplied) | {
    "addmm": added_product,
    "baddbmm": added_product,
    "div": divided,
    "glu": gated,
}
