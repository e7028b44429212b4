"""Operators that treat each entry by itself: the slope is the change of the output over the change of the input (DeepLIFT's rescale rule)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.propagation.pair import Arguments, Named, Pair, Rule, pairs_in, scaled

KINKED = [
    "relu",
    "leaky_relu",
    "_prelu_kernel",
    "hardtanh",
    "hardswish",
    "hardsigmoid",
    "elu",
    "celu",
    "clamp",
    "clamp_min",
    "clamp_max",
    "threshold",
    "softshrink",
    "hardshrink",
    "abs",
]
"""Straight pieces, or no slope of their own where two pieces meet."""
SMOOTH = [
    "sigmoid",
    "tanh",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "log_sigmoid_forward",
    "exp",
    "exp2",
    "expm1",
    "erf",
    "erfc",
    "sin",
    "cos",
    "sinh",
    "cosh",
    "asinh",
    "atan",
    "log1p",
    "logit",
    "asin",
    "acos",
    "tan",
]
SINGULAR = ["log", "log2", "log10"]
"""Their curvature grows without bound towards 0, so that a change is small only against the number itself."""

Slope = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Inputs and outputs (row, base, f(row), f(base)) to the slope."""
CLOSED: Mapping[str, Slope] = {
    "square": lambda row, base, _up, _low: row + base,
    "reciprocal": lambda _row, _base, up, low: -up * low,
    "sqrt": lambda _row, _base, up, low: 1 / (up + low),
    "rsqrt": lambda _row, _base, up, low: -((up * low) ** 2) / (up + low),
}
"""Quotients that can be written without dividing by the change."""


def rescale(operator: Any, args: Arguments, kwargs: Named) -> Pair | tuple[Pair, None]:
    """f(row) − f(base) over row − base; the derivative half way between where a smooth f hardly moves, at the row where nothing moves.

    So the slope times the change is the change of the output, up to rounding, and no difference is taken where rounding would rule it.
    Shrikumar, Greenside & Kundaje 2017, arXiv:1704.02685.
    """
    pair = args[0]
    if not isinstance(pair, Pair) or pairs_in((args, dict(kwargs))) > 1:
        raise MethodError(f"the operator `{_name(operator)}` is given more than one input that changes; only its first may")
    name = _name(operator)

    def apply(entries: Tensor) -> Tensor:
        found = operator(entries, *args[1:], **kwargs)
        answer: Tensor = found[0] if isinstance(found, tuple) else found
        return answer

    row, base = apply(pair.value), apply(pair.base)
    made = scaled(pair, row, base, _slope(name, apply, pair, row, base))
    return (made, None) if name == "log_sigmoid_forward" else made


def power(operator: Any, args: Arguments, kwargs: Named) -> Pair | tuple[Pair, None]:
    """A power: squares in closed form, other exponents by differences; a number to the power of inputs is smooth."""
    pair = args[0] if isinstance(args[0], Pair) else args[1]
    if isinstance(args[0], Pair) and isinstance(args[1], (int, float)):
        if args[1] == 2:
            return scaled(pair, operator(pair.value, 2), operator(pair.base, 2), pair.value + pair.base)
        return rescale(operator, args, kwargs)
    if isinstance(args[0], (Pair, Tensor)):
        raise MethodError("the operator `pow` has an exponent that is not one number")
    row, base = operator(args[0], pair.value), operator(args[0], pair.base)
    return scaled(pair, row, base, _slope("exp", lambda entries: operator(args[0], entries), pair, row, base))


def _slope(name: str, apply: Callable[[Tensor], Tensor], pair: Pair, row: Tensor, base: Tensor) -> Tensor:
    if name in CLOSED:
        return CLOSED[name](pair.value, pair.base, row, base)
    change = pair.change
    quotient = (row - base).div_(change)
    if name in KINKED:
        if isfinite(float(quotient.sum())):  # where nothing moves it is 0/0; a sum is the fastest way to see that there is none
            return quotient
        still = change == 0
        slope = torch.where(pair.value > 0, torch.ones_like(row), 0) if name == "relu" else _derivative(apply, pair.value)
        return torch.where(still, slope, quotient)
    tiny = torch.finfo(change.dtype).eps ** (1 / 3)
    small = change.abs() <= (tiny * pair.middle.abs() if name in SINGULAR or name == "pow" else tiny)
    places = small.flatten().nonzero()[:, 0]
    if not len(places):
        return quotient
    middle = (pair.value.flatten()[places] + pair.base.flatten()[places]) / 2
    return quotient.flatten().index_copy(0, places, _derivative(apply, middle)).reshape(row.shape)


def _derivative(apply: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    leaf = at.detach().requires_grad_()
    (found,) = torch.autograd.grad(apply(leaf).sum(), leaf)
    return found


def _name(operator: Any) -> str:
    return str(operator).split(".")[1]


RULES: Mapping[str, Rule] = dict.fromkeys([*KINKED, *SMOOTH, *SINGULAR, *CLOSED], rescale) | {"pow": power}
