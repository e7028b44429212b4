"""Operators that are linear in what changes: their own backward pass is exact, so they are applied to rows and baselines as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from audit.errors import MethodError
from audit.methods.attribution.propagation.pair import Arguments, Named, Pair, Rule, bases_of, pairs_in, rows_of

JOINTLY = [
    "view",
    "_unsafe_view",
    "reshape",
    "permute",
    "transpose",
    "t",
    "expand",
    "squeeze",
    "unsqueeze",
    "slice",
    "select",
    "split",
    "split_with_sizes",
    "unsafe_split",
    "unbind",
    "cat",
    "stack",
    "add",
    "sub",
    "rsub",
    "neg",
    "sum",
    "mean",
    "repeat",
    "clone",
    "copy",
    "alias",
    "detach",
    "lift_fresh_copy",
    "lift_fresh",
    "flip",
    "roll",
    "diagonal",
    "unfold",
    "tril",
    "triu",
    "cumsum",
    "slice_scatter",
    "select_scatter",
    "constant_pad_nd",
    "reflection_pad1d",
    "reflection_pad2d",
    "reflection_pad3d",
    "replication_pad1d",
    "replication_pad2d",
    "replication_pad3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "_adaptive_avg_pool2d",
    "_adaptive_avg_pool3d",
    "adaptive_avg_pool1d",
    "upsample_nearest1d",
    "upsample_nearest2d",
    "upsample_nearest3d",
    "upsample_linear1d",
    "upsample_bilinear2d",
    "upsample_trilinear3d",
    "upsample_bicubic2d",
    "pixel_shuffle",
    "pixel_unshuffle",
    "im2col",
    "col2im",
    "as_strided",
    "movedim",
    "contiguous",
    "scatter_add",
    "index_add",
    "channel_shuffle",
    "view_copy",
    "expand_copy",
    "squeeze_copy",
]
"""Linear in all of their inputs together."""
IN_FIRST = "mv index index_select gather masked_fill convolution lerp"
"""Linear in the first input, where nothing else changes."""
SHAPE_ONLY = "zeros_like ones_like empty_like full_like new_zeros new_ones new_empty new_full rand_like randn_like sym_size"
"""Look at the shape only."""
DISCRETE = [
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "sign",
    "sgn",
    "round",
    "floor",
    "ceil",
    "trunc",
    "argmax",
    "argmin",
    "isnan",
    "isinf",
    "isfinite",
    "logical_not",
    "logical_and",
    "logical_or",
    "logical_xor",
    "bitwise_not",
    "bitwise_and",
    "bitwise_or",
    "any",
    "all",
    "floor_divide",
    "remainder",
    "fmod",
    "argsort",
    "nonzero",
    "searchsorted",
    "bucketize",
    "signbit",
]
"""Give whole numbers or truths, which have no slope."""


def linear(operator: Any, args: Arguments, kwargs: Named) -> Any:
    """The operator itself, on rows and on baselines."""
    rows, bases = operator(*rows_of(args), **rows_of(kwargs)), operator(*bases_of(args), **bases_of(kwargs))
    return paired(rows, bases)


def paired(rows: Any, bases: Any) -> Any:
    """What an operator gives for rows and baselines, as pairs."""
    if isinstance(rows, (tuple, list)):
        return tuple(paired(row, base) for row, base in zip(rows, bases, strict=True))
    return Pair(rows, bases) if isinstance(rows, Tensor) else rows


def in_first(operator: Any, args: Arguments, kwargs: Named) -> Any:
    """An operator that is linear in its first input: nothing else may change."""
    if not isinstance(args[0], Pair) or pairs_in((args[1:], dict(kwargs))):
        raise MethodError(f"the operator `{str(operator).split('.')[1]}` is given a changing input in a place in which it is not linear")
    return linear(operator, args, kwargs)


def where(operator: Any, args: Arguments, kwargs: Named) -> Any:
    """A choice between entries: linear, since what decides is the same for both (`discrete` sees to that)."""
    return linear(operator, args, kwargs)


def shape_only(operator: Any, args: Arguments, kwargs: Named) -> Any:
    """An operator that looks at shapes: one answer for rows and baselines."""
    return operator(*bases_of(args), **bases_of(kwargs))


def discrete(operator: Any, args: Arguments, kwargs: Named) -> Any:
    """Whole numbers or truths: fixed where rows and baselines agree on them; MethodError where they do not, for a jump has no slope."""
    rows, bases = operator(*_detached(rows_of(args)), **kwargs), operator(*bases_of(args), **bases_of(kwargs))
    if not torch.equal(rows, bases):
        name = str(operator).split(".")[1]
        raise MethodError(f"the operator `{name}` decides differently for a row and its baseline, and a jump cannot be divided among inputs")
    return bases


def converted(operator: Any, args: Arguments, kwargs: Named) -> Any:
    """A change of type: linear between floating types, else a jump."""
    kind = kwargs.get("dtype")
    return linear(operator, args, kwargs) if kind is None or kind.is_floating_point else discrete(operator, args, kwargs)


def _detached(arguments: Any) -> Any:
    return tuple(held.detach() if isinstance(held, Tensor) else held for held in arguments)


RULES: Mapping[str, Rule] = (
    dict.fromkeys(JOINTLY, linear)
    | dict.fromkeys(IN_FIRST.split(), in_first)
    | dict.fromkeys(SHAPE_ONLY.split(), shape_only)
    | dict.fromkeys(DISCRETE, discrete)
    | {"where": where, "_to_copy": converted}
)
