"""What names and shapes of weights suggest about layers: which are linear, in which order they follow, whether that is all there is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Shape = tuple[int, ...]
SEARCHED = 8
"""Up to so many layers every order is tried; there are 40,320 of eight."""


@dataclass(frozen=True)
class LinearLayer:
    """A tensor (outputs, inputs) called ``….weight``, read as a linear layer."""

    name: str
    inputs: int
    outputs: int
    bias: bool


@dataclass(frozen=True)
class Stack:
    """The linear layers of a file."""

    layers: tuple[LinearLayer, ...]
    """In the order they seem to follow one another, by name where no order fits."""
    chained: bool
    """Whether each layer takes as many inputs as the one before it gives."""
    plain: bool
    """Whether they chain and the file holds nothing else: a plain multilayer perceptron, up to its activation functions."""


def find_stack(shapes: Mapping[str, Shape]) -> Stack:
    """The linear layers among tensors given by name and shape, in the order of the file."""
    found = [_layer(name, shape, shapes) for name, shape in shapes.items() if len(shape) == 2 and (name == "weight" or name.endswith(".weight"))]
    by_name = sorted(found, key=lambda layer: natural(layer.name))
    ordered = next((order for order in _orders(found, by_name) if chains(order)), None)
    parts = {f"{layer.name}.{part}".lstrip(".") for layer in found for part in (("weight", "bias") if layer.bias else ("weight",))}
    return Stack(tuple(ordered or by_name), ordered is not None, ordered is not None and bool(found) and set(shapes) == parts)


def chains(layers: Sequence[LinearLayer]) -> bool:
    """Whether each layer takes what the one before it gives."""
    return all(first.outputs == second.inputs for first, second in pairwise(layers))


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key in which ``layer.10`` comes after ``layer.2``."""
    return tuple((0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in re.split(r"([0-9]{1,9})", name))


def _layer(name: str, shape: Shape, shapes: Mapping[str, Shape]) -> LinearLayer:
    outputs, inputs = shape
    owner = name.removesuffix("weight").removesuffix(".")
    return LinearLayer(owner, inputs, outputs, shapes.get(f"{owner}.bias".lstrip(".")) == (outputs,))


def _orders(found: list[LinearLayer], by_name: list[LinearLayer]) -> Iterator[list[LinearLayer]]:
    """Orders to try: numbers in names, the file's own, and the only one that chains."""
    yield by_name
    yield found
    only = _first_two(_chained_orders([], found)) if len(found) <= SEARCHED else []
    if len(only) == 1:
        yield only[0]


def _chained_orders(begun: list[LinearLayer], rest: list[LinearLayer]) -> Iterator[list[LinearLayer]]:
    if not rest:
        yield begun
    for index, layer in enumerate(rest):
        if not begun or begun[-1].outputs == layer.inputs:
            yield from _chained_orders([*begun, layer], rest[:index] + rest[index + 1 :])


def _first_two(orders: Iterable[list[LinearLayer]]) -> list[list[LinearLayer]]:
    found: list[list[LinearLayer]] = []
    for order in orders:
        found.append(order)
        if len(found) == 2:
            break
    return found
