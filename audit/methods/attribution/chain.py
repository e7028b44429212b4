"""Networks that are linear layers and operators entry by entry, one after the other: carried out in place, and behind the first layer alone."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node

from audit.methods.attribution.room import Room

_SAME_PLACES = {"view", "_unsafe_view", "reshape", "clone", "alias", "detach", "squeeze", "unsqueeze", "slice", "cat", "split", "lift_fresh_copy"}
"""Operators that leave every entry of every row where it is; of `slice` and `cat` only those of all rows, which a trial tells."""
_ENTRYWISE = {
    *("relu", "tanh", "sigmoid", "silu", "gelu", "elu", "leaky_relu", "hardtanh", "hardswish", "hardsigmoid", "mish", "softplus", "celu"),
    *("add", "sub", "rsub", "mul", "div", "neg", "abs", "exp", "clamp", "clamp_min", "clamp_max", "pow", "sin", "cos"),
}
_ALONG_ROWS = {"_softmax", "_log_softmax"}
_TURNS = {"t", "transpose", "permute", "detach", "alias"}


@dataclass(frozen=True)
class Named:
    """A parameter or buffer of a network by its name."""

    name: str


@dataclass(frozen=True)
class Product:
    """A linear layer."""

    weight: Named
    bias: Named | None


@dataclass(frozen=True)
class Operator:
    """An operator of torch's own table with its arguments, of which that at `place` is the answer of the step before."""

    call: Any
    within: Any
    """The same in place; None where there is none."""
    arguments: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...]
    place: int


Step = Product | Operator
Place = tuple[int, tuple[int, ...], tuple[int, ...]]
"""Where a tensor lies in memory, with its shape and strides: a view of a parameter is not the parameter."""
Carried = Callable[[Tensor, bool], Tensor]
"""A step, given what the step before answers and whether that may be overwritten."""


class Chain:
    """The `steps` of `module` with its parameters as they are now.

    Biases ahead of a rectifier are never added up to rows: max(x + b, 0) is max(x, -b) + b, and the last b goes into the bias of the next layer.
    """

    def __init__(self, module: nn.Module, steps: Sequence[Step]) -> None:
        carried, kinds = _all_carried(module, steps), [isinstance(step, Product) for step in steps]
        first = kinds.index(True)
        self._ahead, self._layer, self._behind = carried[:first], carried[first], carried[first + 1 :]
        self.weight = _read(module, steps[first].weight)  # type: ignore[union-attr]  # that of a product
        """Of the first linear layer, (h, entries)."""
        self.width = max(_read(module, step.weight).shape[0] for step in steps if isinstance(step, Product))
        """Numbers that the widest layer answers for a row."""
        self.apart = True
        """Operators remember nothing, so several threads may ask at once."""

    def __call__(self, rows: Tensor) -> Tensor:
        """Outputs (m, k) of rows (m, …), which are left as they are."""
        return self.behind(self._layer(self.entries(rows.reshape(rows.shape[0], -1)), False))

    def entries(self, flat: Tensor) -> Tensor:
        """What the first linear layer is given for flattened rows (m, entries), entry by entry."""
        for place, step in enumerate(self._ahead):
            flat = step(flat, place > 0)
        return flat

    def before(self, flat: Tensor) -> Tensor:
        """What the first linear layer makes of flattened rows, (m, h), with its bias or, where it is added later, without."""
        return self._layer(self.entries(flat), False).clone()

    def behind(self, held: Tensor) -> Tensor:
        """Outputs (m, k) where the first linear layer makes `held` (m, h) of the rows, which is overwritten."""
        for step in self._behind:
            held = step(held, True)
        return held


def _all_carried(module: nn.Module, steps: Sequence[Step]) -> list[Carried]:
    """The steps as functions; all products but the last answer in memory that is used again."""
    room, last = Room(), max(place for place, step in enumerate(steps) if isinstance(step, Product))
    carried: list[Carried] = []
    owed: Tensor | None = None  # what the entries lack, and the next layer adds
    for place, step in enumerate(steps):
        name = str(place) if place < last else None
        if isinstance(step, Product):
            weight, bias = _read(module, step.weight).detach(), None if step.bias is None else _read(module, step.bias).detach()
            if owed is not None:
                bias = owed @ weight.T if bias is None else bias + owed @ weight.T
            after = steps[place + 1 : place + 2]
            owed = bias if place < last and after and isinstance(after[0], Operator) and after[0].call is torch.ops.aten.relu.default else None
            carried.append(_product_of(weight, bias if owed is None else None, room, name))
        elif owed is not None and step.call is torch.ops.aten.relu.default:
            carried.append(_rectifier_of(-owed))
        else:
            carried.append(_operator_of(module, step))
    return carried


def _read(module: nn.Module, named: Named) -> Tensor:
    path, _, name = named.name.rpartition(".")
    held: Tensor = getattr(module.get_submodule(path), name)
    return held


def _product_of(weight: Tensor, bias: Tensor | None, room: Room, name: str | None) -> Carried:
    """A linear layer that answers in the memory of that `name`, where there is one."""
    turned = weight.t()

    def product(held: Tensor, _: bool) -> Tensor:
        if held.requires_grad and torch.is_grad_enabled():
            return nn.functional.linear(held, weight, bias)
        answer = torch.mm(held, turned, out=None if name is None else room.lend(name, (held.shape[0], weight.shape[0]), held))
        return answer if bias is None else answer.add_(bias)  # by itself that is quicker than as a part of the product

    return product


def _rectifier_of(least: Tensor) -> Carried:
    return lambda held, own: torch.maximum(held, least, out=held) if own and not held.requires_grad else torch.maximum(held, least)


def _operator_of(module: nn.Module, step: Operator) -> Carried:
    arguments = [_read(module, each).detach() if isinstance(each, Named) else each for each in step.arguments]
    options, within = dict(step.options), step.within or step.call
    ahead, behind = arguments[: step.place], arguments[step.place + 1 :]

    def operated(held: Tensor, own: bool) -> Tensor:
        answer: Tensor = (within if own else step.call)(*ahead, held, *behind, **options)
        return answer

    return operated


def chain_of(graph: GraphModule, module: nn.Module) -> tuple[Step, ...] | None:
    """The steps of the `graph` of operators that `module` was seen to use; None where it is no chain with a linear layer in it.

    What the steps say must still be held against the network: where entries stand is not followed.
    """
    names = {_place(each): name for name, each in (*module.named_parameters(), *module.named_buffers())}
    (node,) = (node for node in graph.graph.nodes if node.op == "placeholder")
    steps: list[Step] = []
    while len(node.users) == 1:
        (user,) = node.users
        if user.op == "output":
            return tuple(steps) if any(isinstance(step, Product) for step in steps) else None
        found = _step(graph, user, node, names)
        if found is None or (not any(isinstance(step, Product) for step in steps) and any(_mixes(step) for step in found)):
            return None
        steps += found
        node = user
    return None


def _mixes(step: Step) -> bool:
    """Whether entries of a row are brought together in another way than by a linear layer."""
    return isinstance(step, Operator) and step.call in (torch.ops.aten._softmax.default, torch.ops.aten._log_softmax.default)


def _step(graph: GraphModule, user: Node, given: Node, names: Mapping[Place, str]) -> list[Step] | None:
    """What `user` does to `given`: nothing where entries stay as they are, None where it is no step of a chain."""
    if user.target is operator.getitem:
        return [] if user.args[1] == 0 else None
    name = str(user.target).removeprefix("aten.").partition(".")[0]
    if name in _SAME_PLACES:
        return []
    if name in ("addmm", "mm", "linear"):
        product = _product(graph, user, given, names, name)
        return None if product is None else [product]
    if name == "native_batch_norm":
        return _normalised(graph, user, given, names)
    if name not in _ENTRYWISE | _ALONG_ROWS or user.args.count(given) != 1 or (name in _ALONG_ROWS and user.args[1] not in (-1, 1)):
        return None
    arguments = [_argument(graph, each, given, names) for each in user.args]
    if None in arguments or any(isinstance(each, Node) for each in user.kwargs.values()):
        return None
    place = user.args.index(given)
    within = None if place or name in _ALONG_ROWS else _in_place(user.target)
    return [Operator(user.target, within, tuple(each[0] for each in arguments if each), tuple(user.kwargs.items()), place)]


def _argument(graph: GraphModule, each: Any, given: Node, names: Mapping[Place, str]) -> tuple[Any] | None:
    """An argument, in a tuple; None for a tensor that is no parameter or buffer of one number or one number for each entry."""
    if each is given:
        return (None,)
    if not isinstance(each, Node):
        return (each,)
    held, name = _held(graph, each), _argument_name(graph, each, names)
    return None if held is None or name is None or held.ndim > 1 else (name,)


def _in_place(call: Any) -> Any:
    """The operator that writes its answer where its first argument is."""
    packet = getattr(torch.ops.aten, call._schema.name.removeprefix("aten::") + "_", None)
    return getattr(packet, call._overloadname, None) if packet is not None else None


def _product(graph: GraphModule, user: Node, given: Node, names: Mapping[Place, str], name: str) -> Product | None:
    """The linear layer, where `given` is the left side of the product and the right side is a parameter, transposed."""
    if user.kwargs:
        return None
    left, right, bias = (
        (user.args[1], user.args[2], user.args[0]) if name == "addmm" else (*user.args[:2], user.args[2] if len(user.args) > 2 else None)
    )
    if left is not given or not isinstance(right, Node):
        return None
    turned = name == "linear"
    while right.op == "call_function" and str(right.target).split(".")[1] in _TURNS:
        turned ^= str(right.target).split(".")[1] in ("t", "transpose", "permute")
        (right,) = right.all_input_nodes
    weight = _argument_name(graph, right, names)
    added = _argument_name(graph, bias, names) if isinstance(bias, Node) else None
    return None if not turned or weight is None or (bias is not None and added is None) else Product(weight, added)


def _argument_name(graph: GraphModule, node: Node, names: Mapping[Place, str]) -> Named | None:
    held = _held(graph, node)
    name = None if held is None else names.get(_place(held))
    return None if name is None else Named(name)


def _normalised(graph: GraphModule, user: Node, given: Node, names: Mapping[Place, str]) -> list[Step] | None:
    """Batch normalisation with the statistics it keeps."""
    if user.args[0] is not given or user.args[5] is not False or user.args[3] is None:
        return None
    arguments = [_argument(graph, each, given, names) for each in user.args]
    if None in arguments:
        return None
    return [Operator(_normalise, None, tuple(each[0] for each in arguments if each), (), 0)]


def _normalise(held: Tensor, *arguments: Any) -> Tensor:
    answer: Tensor = torch.ops.aten.native_batch_norm.default(held, *arguments)[0]
    return answer


def _place(held: Tensor) -> Place:
    return held.data_ptr(), tuple(held.shape), held.stride()


def _held(graph: GraphModule, node: Node) -> Tensor | None:
    """The tensor that a node of the graph stands for."""
    held = getattr(graph, str(node.target), None) if node.op == "get_attr" else None
    return held if isinstance(held, Tensor) else None
