"""Guided backpropagation: the gradient with everything negative cut off at each rectified linear unit, at the level of operators."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule

from audit.errors import MethodError
from audit.methods.attribution.answers import Network
from audit.methods.attribution.propagation.replay import Replay
from audit.methods.attribution.propagation.trace import faithful, operators, traced
from audit.models.chunks import with_room

CHUNK_ROWS = 256
"""Rows sent through the network at once."""


def guided_backpropagation(network: Network, inputs: Tensor, target: Tensor, *, chunk: int = CHUNK_ROWS) -> Tensor:
    """Guided gradient of output `target` (n,) int64 of each row of `inputs` (n, …), of the shape and type of the inputs.

    At each ReLU, whether a module, functional, in place or used twice, the backward pass keeps positive parts only, where the unit is active.
    Other activations keep their gradient. It shows what excites units, not what the output depends on: it hardly changes when the weights of
    later layers are drawn anew (Adebayo et al. 2018, arXiv:1810.03292). Springenberg et al. 2015, arXiv:1412.6806. Raises MethodError for a
    network without ReLU, for which it would be the gradient.
    """
    if not inputs.is_floating_point():
        raise MethodError(f"guided backpropagation needs inputs of floating type, found {inputs.dtype}")
    return with_room(partial(_guided, network, inputs, target), max(2, min(chunk, len(inputs))), inputs.device, least=2)


def _guided(network: Network, inputs: Tensor, target: Tensor, size: int) -> Tensor:
    found = torch.zeros_like(inputs)
    walk: _Guided | None = None
    for start in range(0, len(inputs), size):
        at = torch.arange(start, start + size, device=inputs.device).clamp(max=len(inputs) - 1)  # all batches of one size, as the graph needs
        walk = walk or _Guided(_rectified(network, inputs[at]))
        leaf = inputs[at].detach().requires_grad_(True)
        answers = walk.answers(leaf)
        (slope,) = torch.autograd.grad(answers.gather(1, target[at][:, None]).sum(), leaf)
        end = min(start + size, len(inputs))
        found[start:end] = slope[: end - start]
    return found


def guided_grad_cam(guided: Tensor, heat: Tensor, *, channels_last: bool = False) -> Tensor:
    """Guided gradients (n, c, h, w) times a Grad-CAM map (n, h, w) of the same size. Selvaraju et al. 2017, arXiv:1610.02391."""
    channel = guided.ndim - 1 if channels_last else 1
    if heat.shape != guided.select(channel, 0).shape:
        raise MethodError(f"a map of shape {tuple(heat.shape)} does not fit guided gradients of shape {tuple(guided.shape)}")
    return guided * heat.unsqueeze(channel).type_as(guided)


def _rectified(network: Network, example: Tensor) -> GraphModule:
    graph = traced(network, example)
    if "relu" not in operators(graph):
        raise MethodError("guided backpropagation is made for ReLU, and the network has none")
    faithful(graph, network, example)
    return graph


class _Guided(Replay):
    """Runs the operators, with a backward pass of its own for `relu`."""

    def apply(self, name: str, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return _PositiveOnly.apply(args[0]) if name == "relu" else operator(*args, **kwargs)  # type: ignore[no-untyped-call]


class _PositiveOnly(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor) -> Tensor:
        ctx.save_for_backward(inputs)
        return inputs.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        (inputs,) = ctx.saved_tensors
        return torch.where(inputs > 0, grad_outputs[0].clamp(min=0), 0)
