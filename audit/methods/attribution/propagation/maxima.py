"""Maxima: a window's change goes to the place that holds the larger of the two maxima (the cross-maximum rule)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.propagation.pair import Arguments, Named, Pair, Rule, stated


def pooled(operator: Any, args: Arguments, kwargs: Named) -> tuple[Pair, None]:
    """Max-pooling over the last two or three dimensions, also with windows that overlap."""
    pair, places = args[0], 3 if "3d" in str(operator) else 2
    row, first = operator(pair.value, *args[1:], **kwargs)
    base, second = operator(pair.base, *args[1:], **kwargs)
    return _crossed(pair, row, base, first, second, places), None


def largest(operator: Any, args: Arguments, kwargs: Named) -> Pair | tuple[Pair, None]:
    """The maximum along dimensions (`amax`, `max`); a minimum is one of negatives."""
    name, pair, sign = str(operator).split(".")[1], args[0], -1 if "min" in str(operator) else 1
    if len(args) < 2 or args[1] == []:
        raise MethodError(f"the operator `{name}` takes the largest of all rows at once")
    dims = [dim % pair.base.ndim for dim in (args[1] if isinstance(args[1], list) else [args[1]])]
    keep = bool(args[2]) if len(args) > 2 else bool(kwargs.get("keepdim", False))
    rest = [dim for dim in range(pair.base.ndim) if dim not in dims]

    def flat(half: Tensor) -> Tensor:
        return sign * half.permute(*rest, *dims).flatten(len(rest))

    moved = Pair(flat(pair.row), flat(pair.base))
    (row, first), (base, second) = moved.value.max(-1, keepdim=True), moved.base.max(-1, keepdim=True)
    found = _crossed(moved, row, base, first, second, 1)
    shape = [1 if dim in dims else size for dim, size in enumerate(pair.base.shape)] if keep else [pair.base.shape[dim] for dim in rest]
    made = Pair(sign * found.row.reshape(shape), sign * found.base.reshape(shape))
    return made if name in {"amax", "amin"} else (made, None)


def larger(operator: Any, args: Arguments, kwargs: Named) -> Pair:  # noqa: ARG001
    """The larger (`maximum`) or smaller of two: half of their sum and of the size of their difference, whose slope is a quotient."""
    first, second = args
    sign = 1 if "max" in str(operator) else -1
    (up, low), (other_up, other_low) = (_halves(held) for held in (first, second))
    now, then = up.detach() - other_up.detach(), low - other_low
    slope = torch.where(now == then, now.sign(), (now.abs() - then.abs()) / (now - then))
    surrogate = (up + other_up + sign * slope * (up - other_up)) / 2
    choose = torch.maximum if sign > 0 else torch.minimum
    return stated(surrogate, choose(up.detach(), other_up.detach()), choose(low, other_low))


def _crossed(pair: Pair, row: Tensor, base: Tensor, first: Tensor, second: Tensor, places: int) -> Pair:  # noqa: PLR0917
    """Maxima `row` and `base` taken at the places `first` and `second`, counted over the last `places` dimensions.

    A larger maximum of the row is earned by the place that holds it there, a larger one of the baseline by the place that held that:
    the slope of the place is the change of the maximum over its own change, which is at least as large and of the same sign. Where the
    two agree it is the gradient. shap's DeepExplainer has the same rule.
    """
    entries = pair.row.flatten(-places)
    change = pair.change.flatten(-places)
    rise = row - base
    at_first, at_second = (change.gather(-1, place.flatten(-places)).reshape(row.shape) for place in (first, second))
    up = torch.where(rise > 0, rise / at_first, torch.where(at_first == 0, torch.ones_like(rise), 0) * (rise == 0))
    down = torch.where(rise < 0, rise / at_second, 0)
    taken = [entries.gather(-1, place.flatten(-places)).reshape(row.shape) for place in (first, second)]
    return stated(up * taken[0] + down * taken[1], row, base)


def _halves(held: Any) -> tuple[Tensor, Tensor]:
    return (held.row, held.base) if isinstance(held, Pair) else (held, held)


RULES: Mapping[str, Rule] = {
    "max_pool2d_with_indices": pooled,
    "max_pool3d_with_indices": pooled,
    "adaptive_max_pool2d": pooled,
    "adaptive_max_pool3d": pooled,
    "amax": largest,
    "amin": largest,
    "max": largest,
    "min": largest,
    "maximum": larger,
    "minimum": larger,
}
