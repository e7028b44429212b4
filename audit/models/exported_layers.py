"""Layers of an exported network: parts that hold one operation become the nn.Module they were, the rest interpret their graph.

Methods that look at layers tell them by their class, and must find the very activations and weights that the network was made of.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import fx, nn

from audit.errors import ModelError

Arguments = Mapping[str, Any]
"""Values of the operation by the names of its schema; tensors are nodes, parameters are parameters."""

ACTIVATIONS: Mapping[str, tuple[Callable[..., nn.Module], tuple[str, ...]]] = {
    "aten.relu.default": (nn.ReLU, ()),
    "aten.relu_.default": (partial(nn.ReLU, inplace=True), ()),
    "aten.relu6.default": (nn.ReLU6, ()),
    "aten.leaky_relu.default": (nn.LeakyReLU, ("negative_slope",)),
    "aten.elu.default": (nn.ELU, ("alpha",)),
    "aten.sigmoid.default": (nn.Sigmoid, ()),
    "aten.tanh.default": (nn.Tanh, ()),
    "aten.softplus.default": (nn.Softplus, ("beta", "threshold")),
    "aten.gelu.default": (nn.GELU, ("approximate",)),
    "aten.silu.default": (nn.SiLU, ()),
    "aten.mish.default": (nn.Mish, ()),
    "aten.selu.default": (nn.SELU, ()),
    "aten.hardtanh.default": (nn.Hardtanh, ("min_val", "max_val")),
    "aten.hardsigmoid.default": (nn.Hardsigmoid, ()),
    "aten.hardswish.default": (nn.Hardswish, ()),
    "aten.log_sigmoid.default": (nn.LogSigmoid, ()),
    "aten.softmax.int": (nn.Softmax, ("dim",)),
    "aten.log_softmax.int": (nn.LogSoftmax, ("dim",)),
}
"""The module of an activation, and those arguments of the operation that it is made with."""
CONVOLUTIONS: Mapping[str, Callable[..., nn.Module]] = {
    f"aten.conv{number}d.{how}": kind for number, kind in ((1, nn.Conv1d), (2, nn.Conv2d), (3, nn.Conv3d)) for how in ("default", "padding")
}
RECURRENT = {"lstm", "gru", "rnn_tanh", "rnn_relu"}
TRAINING = ("train", "training")
"""Arguments of dropout and of normalisation that were fixed when a network was exported in training mode."""


@dataclass(frozen=True)
class Taken:
    """Type and sizes of an input that a graph was exported for, None where any size may be."""

    dtype: torch.dtype
    sizes: tuple[int | None, ...]

    def of(self, given: torch.Tensor) -> torch.Tensor:
        """`given` in that type, where it is a mask or whole numbers; raises ValueError for other sizes."""
        if len(given.shape) != len(self.sizes) or any(size not in (None, found) for found, size in zip(given.shape, self.sizes, strict=True)):
            shown = ", ".join("any" if size is None else str(size) for size in self.sizes)
            raise ValueError(f"it was exported for inputs of shape ({shown})")
        return given if given.is_floating_point() else given.to(self.dtype)


class ExportedPart(nn.Module):
    """A module of an exported network: interprets its graph, with its children and parameters under the names they had."""

    def __init__(self, graph: fx.Graph, source: nn.Module) -> None:
        super().__init__()
        self.graph_ = graph
        self.takes_: tuple[Taken, ...] = ()
        """Of the whole network, what its graph was exported for; empty for inner parts."""
        self.holds_recurrent_ = any(getattr(node.target, "__name__", "").partition(".")[0] in RECURRENT for node in graph.nodes)
        for name, parameter in source.named_parameters(recurse=False):
            self.register_parameter(name, parameter)
        for name, buffer in source.named_buffers(recurse=False):
            self.register_buffer(name, buffer)
        for name, value in vars(source).items():
            if isinstance(value, torch.Tensor):
                self.register_buffer(name, value, persistent=False)

    def forward(self, *inputs: torch.Tensor) -> Any:
        """What the graph makes of its inputs; raises ValueError for other sizes than those it was exported for."""
        if self.takes_:
            inputs = tuple(taken.of(given) for taken, given in zip(self.takes_, inputs, strict=True))
        return fx.Interpreter(self, graph=self.graph_).run(*inputs, enable_io_processing=False)


def layered(network: nn.Module) -> nn.Module:
    """`network`, as `torch.export.unflatten` gives it, as modules that can be copied, moved and looked into.

    Raises ModelError for a part that was exported with a call signature of its own.
    """
    graph = getattr(network, "graph", None)
    if hasattr(network, "_call_modules"):
        raise ModelError("a layer was exported with preserve_module_call_signature, which is not read; export without it")
    if not isinstance(graph, fx.Graph):
        return _container(network)
    for node in graph.nodes:
        node.meta.clear()  # holds tensors of the tracer, which can be neither copied nor moved
    layer = _layer(network, graph)
    if layer is not None:
        return layer
    part = ExportedPart(graph, network)
    _add_children(part, network)
    return part


def training_operation(network: fx.GraphModule) -> str | None:
    """The first operation that acts as in training, such as ``aten.dropout.default``; None when there is none."""
    graphs = [part.graph for part in network.modules() if isinstance(part, fx.GraphModule)]
    return next((str(node.target) for graph in graphs for node in graph.nodes if _trains(_arguments(node))), None)


def _trains(given: Arguments) -> bool:
    # Normalisation without running statistics uses those of the batch in either mode.
    return any(given.get(name) is True for name in TRAINING) and given.get("running_mean", ...) is not None


def _container(source: nn.Module) -> nn.Module:
    held = nn.Module()
    for name, parameter in source.named_parameters(recurse=False):
        held.register_parameter(name, parameter)
    for name, buffer in source.named_buffers(recurse=False):
        held.register_buffer(name, buffer)
    _add_children(held, source)
    return held


def _add_children(part: nn.Module, source: nn.Module) -> None:
    done: dict[int, nn.Module] = {}
    for name, child in source._modules.items():  # named_children leaves out a child that has two names
        if child is not None:
            done.setdefault(id(child), child)
            if done[id(child)] is child:
                done[id(child)] = layered(child)
            part.add_module(name, done[id(child)])


def _layer(source: nn.Module, graph: fx.Graph) -> nn.Module | None:
    """The nn.Module that a part with one operation on one input was, if it is one of those known here."""
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    calls = [node for node in graph.nodes if node.op == "call_function"]
    if len(inputs) != 1 or len(calls) != 1 or any(node.op == "call_module" for node in graph.nodes):
        return None
    call = calls[0]
    if str(call.target) == "aten.embedding.default":
        return _embedding(call, inputs[0], graph, source)
    if graph.output_node().args[:1] != (call,) or call.args[:1] != (inputs[0],) or inputs[0] in [*call.args[1:], *call.kwargs.values()]:
        return None
    given = {name: _held(value, source) for name, value in _arguments(call).items()}
    kind = str(call.target)
    if kind in ACTIVATIONS:
        make, names = ACTIVATIONS[kind]
        plain = all(given[name] == value for name, value in _defaults(call).items() if name not in names)
        return None if not plain else make(*(given[name] for name in names))
    return _weighted(kind, given)


def _embedding(call: fx.Node, ids: fx.Node, graph: fx.Graph, source: nn.Module) -> nn.Module | None:
    """The table that ids are looked up in, whose lookup alone a part is."""
    weight = _held(call.args[0], source)
    if graph.output_node().args[:1] != (call,) or call.args[1:2] != (ids,) or not isinstance(weight, nn.Parameter):
        return None
    layer = nn.Embedding(weight.shape[0], weight.shape[1], device="meta", dtype=weight.dtype)
    layer.register_parameter("weight", weight)
    return layer


def _weighted(kind: str, given: Arguments) -> nn.Module | None:
    weight, bias = given.get("weight"), given.get("bias")
    if not isinstance(weight, nn.Parameter) or not isinstance(bias, nn.Parameter | None):
        return None
    shape: dict[str, Any] = {"bias": bias is not None, "device": "meta", "dtype": weight.dtype}
    if kind == "aten.linear.default":
        layer: nn.Module = nn.Linear(weight.shape[1], weight.shape[0], **shape)
    elif kind in CONVOLUTIONS:
        how = {name: given[name] if isinstance(given[name], str) else tuple(given[name]) for name in ("stride", "padding", "dilation")}
        groups = int(given["groups"])
        layer = CONVOLUTIONS[kind](weight.shape[1] * groups, weight.shape[0], tuple(weight.shape[2:]), **how, groups=groups, **shape)
    else:
        return None
    layer.register_parameter("weight", weight)
    layer.register_parameter("bias", bias)
    return layer


def _arguments(node: fx.Node) -> dict[str, Any]:
    """Arguments of an operation by name, with the defaults of its schema."""
    schema = getattr(node.target, "_schema", None)
    if node.op != "call_function" or schema is None:
        return {}
    return _defaults(node) | dict(zip((item.name for item in schema.arguments), node.args, strict=False)) | dict(node.kwargs)


def _defaults(node: fx.Node) -> dict[str, Any]:
    schema = getattr(node.target, "_schema", None)
    return {item.name: item.default_value for item in schema.arguments if item.has_default_value()} if schema is not None else {}


def _held(value: Any, source: nn.Module) -> Any:
    if isinstance(value, fx.Node) and value.op == "get_attr":
        return operator.attrgetter(str(value.target))(source)
    return value
