"""The first layer of a network, where it is linear and all that reads the inputs: mixed rows need not be made, their answers there add up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node

from audit.errors import MethodError
from audit.methods.attribution.chain import Chain, Step, chain_of
from audit.methods.attribution.propagation.trace import Network, traced
from audit.models.device import is_out_of_memory

_SHAPES = {"view", "_unsafe_view", "reshape", "clone", "alias", "detach", "slice", "cat"}
"""Operators on whole rows that leave every entry where it is; of `slice` and `cat` only those of all rows."""
_TURNS = {"t", "transpose", "permute", "detach", "alias"}
_ROWS = 3
_found: WeakKeyDictionary[nn.Module, tuple[tuple[Any, ...], tuple[Step, ...] | None, str | None]] = WeakKeyDictionary()
Layer = TypeVar("Layer", bound="FirstLayer")


class FirstLayer(Protocol):
    """A linear layer that alone is given the inputs, each row once, and the network behind it.

    Entries may be changed one by one before it: that commutes with the exchange of entries between rows.
    """

    @property
    def weight(self) -> Tensor:
        """(h, entries)."""

    @property
    def width(self) -> int:
        """Numbers that the widest known layer answers for a row."""

    @property
    def apart(self) -> bool:
        """Whether several threads may ask at once."""

    def __call__(self, rows: Tensor) -> Tensor:
        """The whole network, (m, …) → (m, k)."""

    def entries(self, flat: Tensor) -> Tensor:
        """What the layer is given for flattened rows (m, entries), (m, entries)."""

    def before(self, flat: Tensor) -> Tensor:
        """What the layer makes of flattened rows (m, entries), (m, h)."""

    def behind(self, held: Tensor) -> Tensor:
        """Outputs (m, k) of rows of which the layer makes `held` (m, h), which may be overwritten."""


@dataclass(frozen=True)
class HookedLayer:
    """The first layer of a network that goes on in any way behind it: the layer is made to answer what it is told."""

    network: Network
    layer: nn.Linear
    shape: tuple[int, ...]
    """Of one row of the inputs."""
    answer: tuple[int, ...]
    """Of one row of what the layer returns; h numbers."""

    @property
    def weight(self) -> Tensor:
        """(h, entries)."""
        return self.layer.weight

    @property
    def width(self) -> int:
        """Numbers that the layer answers for a row."""
        return int(self.layer.weight.shape[0])

    @property
    def apart(self) -> bool:
        """No: the layer is told what to answer, and nobody knows what else the network remembers."""
        return False

    def __call__(self, rows: Tensor) -> Tensor:
        """The network."""
        return self.network(rows)

    def entries(self, flat: Tensor) -> Tensor:
        """The rows themselves."""
        return flat

    def before(self, flat: Tensor) -> Tensor:
        """What the layer makes of flattened rows (m, entries), (m, h)."""
        return nn.functional.linear(flat, self.layer.weight, self.layer.bias)

    def behind(self, held: Tensor) -> Tensor:
        """Outputs (m, k) of rows of which the layer makes `held` (m, h)."""
        places = torch.arange(len(held), dtype=self.layer.weight.dtype, device=held.device)
        with _answering(self.layer, held.reshape(-1, *self.answer)):
            return self.network(places.reshape(-1, *(1,) * len(self.shape)).expand(-1, *self.shape))


def first_layer(network: Network, module: nn.Module, example: Tensor) -> FirstLayer | None:
    """The first layer of the `network`, which calls `module` on rows (m, …) as in `example`, if it is a linear one that alone reads the inputs.

    Found from the operators that are used, and tried on the rows of `example`; None where it is anything else. A `Chain` where all operators
    are linear layers and others entry by entry, one after the other. A module is looked at once.
    """
    rows = example[: min(_ROWS, len(example))]
    if not rows.is_floating_point() or not len(rows):
        return None
    key = (tuple(rows.shape[1:]), rows.dtype, rows.device)
    if module not in _found or _found[module][0] != key:
        _found[module] = (key, *_looked_at(network, module, rows))
    _, steps, name = _found[module]
    chain = None if steps is None else _tried(Chain(module, steps), network, rows)
    if chain is not None or name is None:
        return chain
    layer = dict(module.named_modules())[name]
    assert isinstance(layer, nn.Linear)  # noqa: S101  `_looked_at` gives no other
    answer = _answer_shape(network, layer, rows)
    return None if answer is None else _tried(HookedLayer(network, layer, tuple(rows.shape[1:]), answer), network, rows)


def _looked_at(network: Network, module: nn.Module, rows: Tensor) -> tuple[tuple[Step, ...] | None, str | None]:
    """The steps of a chain, and the name of the layer that alone reads the inputs; None where there is none."""
    try:
        graph = traced(network, rows)
    except MethodError:
        return None, None
    return chain_of(graph, module), _name(graph, module, rows[0].numel())


def _name(graph: GraphModule, module: nn.Module, entries: int) -> str | None:
    """Name of the layer that alone reads the inputs; None when there is none, or it is not a plain linear layer used once."""
    weight, parts = _only_reader(graph), dict(module.named_modules())
    fitting = [name for name, part in parts.items() if type(part) is nn.Linear and part.in_features == entries]
    same = [name for name in fitting if weight is not None and _same(parts[name].weight, weight)]
    return same[0] if len(same) == 1 else None


def _same(parameter: Any, weight: Tensor) -> bool:
    return bool(parameter.data_ptr() == weight.data_ptr())


def _only_reader(graph: GraphModule) -> Tensor | None:
    """The weight of the matrix product that alone reads the inputs."""
    (node,) = (node for node in graph.graph.nodes if node.op == "placeholder")
    rows = node.meta["val"].shape[0] if "val" in node.meta else _ROWS
    while len(node.users) == 1:
        (user,) = node.users
        operator = str(user.target).removeprefix("aten.").partition(".")[0]
        if operator in ("addmm", "mm", "linear"):
            return _weight(graph, user, node, operator)
        if operator not in _SHAPES or not _whole(user, operator, rows):
            return None
        node = user
    return None


def _whole(user: Node, operator: str, rows: int) -> bool:
    """Whether all rows go on, as rows."""
    shape = getattr(user.meta.get("val"), "shape", None) or getattr(user.meta.get("tensor_meta"), "shape", None)
    return shape is None or shape[0] == rows or operator not in ("slice", "cat")


def _weight(graph: GraphModule, user: Node, given: Node, operator: str) -> Tensor | None:
    """The weight (h, entries) where `given` is the left side of the product and the right side is a parameter, transposed."""
    left, right = (user.args[1], user.args[2]) if operator == "addmm" else (user.args[0], user.args[1])
    if left is not given or not isinstance(right, Node):
        return None
    while right.op == "call_function" and str(right.target).split(".")[1] in _TURNS:
        (right,) = right.all_input_nodes
    held = getattr(graph, str(right.target), None) if right.op == "get_attr" else None
    return held if isinstance(held, Tensor) else None


def _answer_shape(network: Network, layer: nn.Linear, rows: Tensor) -> tuple[int, ...] | None:
    """Shape of what the layer returns for one row; None unless it is called once, with each row once."""
    seen: list[Tensor] = []
    handle = layer.register_forward_hook(lambda _layer, _inputs, output: seen.append(output))
    try:
        network(rows)
    finally:
        handle.remove()
    once = len(seen) == 1 and len(seen[0]) == len(rows) and seen[0].numel() == len(rows) * layer.out_features
    return tuple(seen[0].shape[1:]) if once else None


def _tried(found: Layer, network: Network, rows: Tensor) -> Layer | None:
    """The layer, if going through it in two steps and at once says what the network says."""
    theirs, flat = network(rows), rows.reshape(len(rows), -1)
    try:
        both = (found.behind(found.before(flat)), found(rows))
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        return None
    close = all(ours.shape == theirs.shape and torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5, equal_nan=True) for ours in both)
    return found if close else None


@contextmanager
def _answering(layer: nn.Linear, held: Tensor) -> Iterator[None]:
    """Let the layer answer from `held` (m, …), without being computed: the inputs say which rows they are."""

    def answer(given: Tensor) -> Tensor:
        if len(given) == len(held):
            return held
        start = int(given.reshape(len(given), -1)[0, 0])
        return held[start : start + len(given)]

    layer.forward = answer  # type: ignore[method-assign, assignment]  # on this one layer, until the call is over
    try:
        yield
    finally:
        del layer.forward
