"""The operators a network is made of, in the order of use: what it computes, however its author wrote it down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.func import functionalize
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.attention import SDPBackend, sdpa_kernel

from audit.errors import MethodError, ModelError
from audit.models.device import is_out_of_memory

Network = Callable[[Tensor], Tensor]
BRANCHES = "trying to get value out of a tracing tensor"
"""What torch says where Python looks at a number."""


def traced(network: Network, example: Tensor) -> GraphModule:
    """The operators that `network` applies to rows of the shape (m, …) of `example`, as a graph in which nothing is changed in place.

    It sees operators, not modules: functional, in-place and reused activations, scripted networks, recurrent layers (unrolled) and attention
    (as products and a softmax) are all there, and hooks of the network are as they were. The graph is for batches of `m` rows only. Raises
    MethodError where what is computed depends on the numbers themselves, or torch cannot follow it.
    """
    leaf = example.detach().clone()
    try:
        with _plain_kernels():
            graph = make_fx(functionalize(network))(leaf)
            if _changes_in_place(graph):  # inside layers that are unrolled, such as recurrent ones, the first pass does not see it
                graph = make_fx(functionalize(graph))(leaf)
    except (RuntimeError, TypeError, ValueError, AttributeError, ModelError) as error:
        if isinstance(error, RuntimeError) and is_out_of_memory(error):
            raise
        raise MethodError(_refusal(str(error))) from error
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def faithful(graph: GraphModule, network: Network, rows: Tensor) -> None:
    """Raise MethodError unless `graph` answers `rows` as `network` does: what leaves torch on its way is not in the graph."""
    ours, theirs = graph(rows.detach().clone()), network(rows.detach().clone())
    if ours.shape != theirs.shape or not torch.allclose(ours, theirs, rtol=1e-3, atol=1e-3 * _size(theirs), equal_nan=True):
        raise MethodError("the network computes something outside torch, or draws at random, so its operators do not tell what it answers")


def _refusal(message: str) -> str:
    if BRANCHES in message:
        return "the network looks at its numbers to decide what to compute next (`item`, `if`), so its operators are not fixed"
    return f"torch could not write down the operators of the network: {(message.strip().splitlines() or [''])[0]}"


def operators(graph: GraphModule) -> frozenset[str]:
    """Names of the operators in torch's own table (aten) that the graph uses."""
    return frozenset(str(node.target).split(".")[1] for node in graph.graph.nodes if str(node.target).startswith("aten."))


def _changes_in_place(graph: GraphModule) -> bool:
    return any(name.endswith("_") for name in operators(graph))


def _size(answers: Tensor) -> float:
    """Largest finite answer."""
    return float(torch.nan_to_num(answers.detach(), nan=0.0, posinf=0.0, neginf=0.0).abs().max()) if answers.numel() else 0.0


@contextmanager
def _plain_kernels() -> Iterator[None]:
    """Attention and recurrent layers written out, in place of kernels that do all of it at once."""
    settings = torch.backends.mkldnn
    fast, fused = torch.backends.mha.get_fastpath_enabled(), settings.enabled
    torch.backends.mha.set_fastpath_enabled(False)
    settings.enabled = False  # type: ignore[assignment]  # its recurrent layers are one operator; `flags` would warn of TF32
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        settings.enabled = fused
