"""`Pair`: what an operator makes of rows and of their baselines; an operator's rule gives the output a slope that joins the two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.fx.node import map_aggregate


@dataclass(frozen=True)
class Pair:
    """The same entry of the network for rows and for their baselines, of one shape."""

    row: Tensor
    """Part of a graph whose backward pass multiplies by the rules' slopes in place of gradients."""
    base: Tensor

    @property
    def value(self) -> Tensor:
        """Rows without their graph."""
        return self.row.detach()

    @property
    def change(self) -> Tensor:
        """Rows minus baselines."""
        return self.row.detach() - self.base

    @property
    def middle(self) -> Tensor:
        """Half way between the two."""
        return (self.row.detach() + self.base) / 2


Rule = Callable[..., Any]
"""``(operator, args, kwargs)``, with a Pair among the arguments, to a Pair, a tensor that is the same for both, or a tuple of these."""
Arguments = tuple[Any, ...]
Named = Mapping[str, Any]


def rows_of(arguments: Any) -> Any:
    """Arguments of an operator with each Pair replaced by its rows."""
    return map_aggregate(arguments, lambda held: held.row if isinstance(held, Pair) else held)


def bases_of(arguments: Any) -> Any:
    """Arguments of an operator with each Pair replaced by its baselines."""
    return map_aggregate(arguments, lambda held: held.base if isinstance(held, Pair) else held)


def pairs_in(arguments: Any) -> int:
    """How many pairs stand among the arguments."""
    found: list[Pair] = []
    map_aggregate(arguments, lambda held: found.append(held) if isinstance(held, Pair) else None)
    return len(found)


def scaled(pair: Pair, row: Tensor, base: Tensor, slope: Tensor) -> Pair:
    """An entry-by-entry operator's outputs `row` and `base`, whose backward pass multiplies by `slope`."""
    return Pair(_Scaled.apply(pair.row, row, slope), base)  # type: ignore[no-untyped-call]


def stated(surrogate: Tensor, row: Tensor, base: Tensor) -> Pair:
    """An operator's outputs `row` and `base`, whose backward pass is that of `surrogate`, a tensor of the shape of `row`."""
    return Pair(_Stated.apply(surrogate, row), base)  # type: ignore[no-untyped-call]


class _Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, value: Tensor, slope: Tensor) -> Tensor:  # noqa: ARG004
        ctx.save_for_backward(slope)
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None]:
        (slope,) = ctx.saved_tensors
        return grad_outputs[0] * slope, None, None


class _Stated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, surrogate: Tensor, value: Tensor) -> Tensor:  # noqa: ARG004
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:  # noqa: ARG004
        return grad_outputs[0], None
