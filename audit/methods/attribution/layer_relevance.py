"""Layer-wise relevance propagation, by the ε-rule and the α-β-rule, at the level of operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.fx import GraphModule

from audit.errors import MethodError
from audit.methods.attribution.answers import Network, float64
from audit.methods.attribution.propagation.linear import DISCRETE
from audit.methods.attribution.propagation.replay import Replay
from audit.methods.attribution.propagation.trace import faithful, traced
from audit.models.chunks import with_room

Array = NDArray[np.float64]
RelevanceRule = Literal["epsilon", "alpha_beta"]
CHUNK_ROWS = 256
"""Rows sent through the network at once."""
PASSED = frozenset(["relu", "tanh"])
"""Activations that hand relevance on unchanged."""
WEIGHTED = frozenset(["addmm", "mm", "convolution", "linear"])
"""Operators with weights, to which the α-β-rule applies."""
SUMS = ("add", "sub", "neg", "mul", "div", "sum", "mean", "native_batch_norm", "_native_batch_norm_legit_no_training")
POOLING = ("avg_pool1d", "avg_pool2d", "avg_pool3d", "_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "upsample_nearest2d", "upsample_bilinear2d")
MAXIMA = ("max_pool2d_with_indices", "max_pool3d_with_indices", "adaptive_max_pool2d", "amax")
SHARED = frozenset((*SUMS, *POOLING, *MAXIMA))
"""Operators without weights of their own, shared out by the ε-rule whatever the rule."""
SHAPES = ("view", "_unsafe_view", "reshape", "permute", "transpose", "t", "expand", "squeeze", "unsqueeze", "clone", "copy", "alias", "detach")
PARTS = ("slice", "select", "split", "split_with_sizes", "unsafe_split", "unbind", "cat", "stack", "slice_scatter", "select_scatter")
MOVED = frozenset(
    (*SHAPES, *PARTS, "repeat", "flip", "roll", "where", "masked_fill", "_to_copy", "constant_pad_nd", "reflection_pad2d", "replication_pad2d")
)
"""Operators that only move entries: relevance moves with them."""


@dataclass(frozen=True)
class LayerRelevance:
    """Relevance of the entries of n rows for one output each, float64, in the unit of the output.

    `values` (n, …) per entry of the inputs, `total` (n,) the output of each row, `gap` (n,) how far the values are from summing to it: biases
    keep what they contribute, and so does the stabiliser.
    """

    values: Array
    total: Array
    gap: Array


def layer_relevance(
    network: Network,
    inputs: Tensor,
    target: Tensor,
    *,
    rule: RelevanceRule = "epsilon",
    epsilon: float = 1e-6,
    alpha: float = 2.0,
    chunk: int = CHUNK_ROWS,
) -> LayerRelevance:
    """The output of `target` (n,) int64, handed back layer by layer to the entries of `inputs` (n, …).

    ``epsilon``: an input of a linear layer gets x w R/(z + ε sign z), its share of the sum z. ``alpha_beta``: positive and negative shares
    apart, α x w⁺-parts of the positive sum less β = α − 1 times those of the negative one, biases included in the sums. ReLU and tanh hand
    relevance on, max-pooling to the entry that won. Without biases, and away from sums of 0, the values add up to the output. Raises
    MethodError that names the first operator outside of linear layers, pooling, sums, ReLU and tanh; attention, which has rules of its own
    elsewhere, is among these. Bach et al. 2015, doi:10.1371/journal.pone.0130140.
    """
    if not inputs.is_floating_point():
        raise MethodError(f"relevance propagation needs inputs of floating type, found {inputs.dtype}")
    if epsilon < 0 or alpha < 1 or rule not in {"epsilon", "alpha_beta"}:
        raise MethodError(f"expected rule 'epsilon' or 'alpha_beta', epsilon ≥ 0 and alpha ≥ 1; found {rule!r}, {epsilon} and {alpha}")
    handed = partial(_handed, network, inputs, target, rule, epsilon, alpha)
    return with_room(handed, max(2, min(chunk, len(inputs))), inputs.device, least=2)


def _handed(  # noqa: PLR0917  tried with less
    network: Network, inputs: Tensor, target: Tensor, rule: RelevanceRule, epsilon: float, alpha: float, size: int
) -> LayerRelevance:
    values, total = np.zeros(tuple(inputs.shape)), np.zeros(len(inputs))
    walk: _Relevance | None = None
    for start in range(0, len(inputs), size):
        at = torch.arange(start, start + size, device=inputs.device).clamp(max=len(inputs) - 1)  # all batches of one size, as the graph needs
        if walk is None:
            walk = _Relevance(_layers(network, inputs[at]), rule, epsilon, alpha)
        leaf = inputs[at].detach().requires_grad_(True)
        chosen = walk.answers(leaf).gather(1, target[at][:, None])
        (relevance,) = torch.autograd.grad(chosen, leaf, chosen.detach())
        end = min(start + size, len(inputs))
        values[start:end] = float64(relevance).numpy()[: end - start]
        total[start:end] = float64(chosen).numpy()[: end - start, 0]
    gap = np.abs(values.reshape(len(values), int(np.prod(inputs.shape[1:]))).sum(axis=1) - total)
    return LayerRelevance(values, total, gap)


def _layers(network: Network, example: Tensor) -> GraphModule:
    graph = traced(network, example)
    faithful(graph, network, example)
    return graph


class _Relevance(Replay):
    """Runs the operators with backward passes that hand relevance on in place of gradients."""

    def __init__(self, graph: GraphModule, rule: RelevanceRule, epsilon: float, alpha: float) -> None:
        super().__init__(graph)
        self.rule, self.epsilon, self.alpha = rule, epsilon, alpha

    def apply(self, name: str, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """One operator; those that no changing input reaches run as they are."""
        changing = _changing(args)
        if not changing or name in MOVED or name in DISCRETE:
            return operator(*args, **kwargs)
        if name in PASSED:
            return _Passed.apply(args[0], operator(args[0].detach()))  # type: ignore[no-untyped-call]
        if name in WEIGHTED:
            return self._weighted(operator, args, kwargs, changing)
        scaled = name in {"mul", "div"}
        if name in SHARED and not (scaled and (len(changing) > 1 or (name == "div" and changing != [0]))):
            return self._shared(operator, args, kwargs, changing)
        raise MethodError(f"relevance propagation has no rule for the operator `{name}` here; it is for linear layers, pooling, sums, ReLU and tanh")

    def _weighted(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], changing: list[int]) -> Any:
        """A linear layer; its weights stand behind its inputs."""
        inputs = 1 if "addmm" in str(target) else 0
        if changing != [inputs]:
            raise MethodError(f"relevance propagation has no rule for products of two things that both change (`{str(target).split('.')[1]}`)")
        if self.rule == "epsilon":
            return self._shared(target, args, kwargs, changing)
        bias = 0 if inputs else 2 if "convolution" in str(target) or "linear" in str(target) else None

        def call(entries: Tensor, weight: Tensor, added: Tensor | None) -> Tensor:
            given = list(args)
            given[inputs], given[inputs + 1] = entries, weight
            if bias is not None and bias < len(given):
                given[bias] = added if added is not None or bias else torch.zeros_like(args[0])
            answer: Tensor = target(*given, **kwargs)
            return answer

        weight = args[inputs + 1].detach()
        held = args[bias] if bias is not None and bias < len(args) else None
        value = target(*_detached(args), **kwargs)
        positive, negative = weight.clamp(min=0), weight.clamp(max=0)
        sums = (
            lambda up, low: call(up, positive, None if held is None else held.clamp(min=0)) + call(low, negative, None),
            lambda up, low: call(up, negative, None if held is None else held.clamp(max=0)) + call(low, positive, None),
        )
        return _AlphaBeta.apply(args[inputs], value, sums, self.alpha, self.epsilon)  # type: ignore[no-untyped-call]

    def _shared(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any], changing: list[int]) -> Any:
        """The ε-rule, over all inputs that change."""

        def call(*entries: Tensor) -> Any:
            given = list(args)
            for place, entry in zip(changing, entries, strict=True):
                given[place] = entry
            return target(*given, **kwargs)

        found = _Shared.apply(call, self.epsilon, *(args[place] for place in changing))  # type: ignore[no-untyped-call]
        return (found,) if len(target._schema.returns) > 1 else found


class _Passed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, value: Tensor) -> Tensor:  # noqa: ARG004
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:  # noqa: ARG004
        return grad_outputs[0], None


class _Shared(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, call: Callable[..., Any], epsilon: float, *inputs: Tensor) -> Tensor:
        ctx.call, ctx.epsilon = call, epsilon
        ctx.save_for_backward(*inputs)
        found = call(*inputs)
        value: Tensor = found[0] if isinstance(found, tuple) else found
        return value

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Any, ...]:
        leaves, sums = _again(ctx.call, ctx.saved_tensors)
        shares = torch.autograd.grad(sums, leaves, grad_outputs[0] / _stable(sums.detach(), ctx.epsilon))
        return None, None, *(leaf.detach() * share for leaf, share in zip(leaves, shares, strict=True))


class _AlphaBeta(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, value: Tensor, sums: Any, alpha: float, epsilon: float) -> Tensor:  # noqa: PLR0917
        ctx.sums, ctx.alpha, ctx.epsilon = sums, alpha, epsilon
        ctx.save_for_backward(inputs)
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Any, ...]:
        (inputs,) = ctx.saved_tensors
        found = torch.zeros_like(inputs)
        for call, factor in zip(ctx.sums, (ctx.alpha, 1 - ctx.alpha), strict=True):
            leaves, sums = _again(call, (inputs.clamp(min=0), inputs.clamp(max=0)))
            shares = torch.autograd.grad(sums, leaves, grad_outputs[0] / _stable(sums.detach(), ctx.epsilon))
            found = found + factor * sum(leaf.detach() * share for leaf, share in zip(leaves, shares, strict=True))
        return found, None, None, None, None


def _again(call: Callable[..., Any], inputs: tuple[Tensor, ...]) -> tuple[list[Tensor], Tensor]:
    """The sums of an operator with a graph of their own."""
    with torch.enable_grad():
        leaves = [entries.detach().requires_grad_(True) for entries in inputs]
        found = call(*leaves)
    return leaves, found[0] if isinstance(found, tuple) else found


def _stable(sums: Tensor, epsilon: float) -> Tensor:
    """Sums moved away from 0 by ε; a sum of exactly 0 hands nothing on."""
    moved = torch.where(sums < 0, sums - epsilon, sums + epsilon)
    return torch.where(moved == 0, torch.inf, moved)


def _changing(args: tuple[Any, ...]) -> list[int]:
    """Places of arguments that the inputs reach; a list of tensors counts as one."""
    return [place for place, held in enumerate(args) if any(isinstance(part, Tensor) and part.requires_grad for part in _each(held))]


def _each(held: Any) -> tuple[Any, ...]:
    return tuple(held) if isinstance(held, (tuple, list)) else (held,)


def _detached(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(held.detach() if isinstance(held, Tensor) else held for held in args)
