"""What operators make of baselines, kept for the next rows that meet the same baselines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch.fx import Node

from audit.methods.attribution.propagation.pair import Arguments, Pair, bases_of


class Kept:
    """Results by node of the graph; `forget` them when other baselines come."""

    def __init__(self) -> None:
        self._answers: dict[Node, Any] = {}
        self._bases: dict[Node, Any] = {}

    def forget(self) -> None:
        """Drop everything."""
        self._answers.clear()
        self._bases.clear()

    def asked_once(self, node: Node, operator: Any, args: Arguments) -> Asked:
        """The operator of a node, which is called with baselines once only."""
        return Asked(self._answers, node, operator, args)

    def pinned(self, node: Node, made: Any) -> Any:
        """What a rule made of a node, with the baselines it made first: the same tensors every time, so that later nodes know them again."""
        if isinstance(made, tuple):
            return tuple(self._pin((node, place), part) for place, part in enumerate(made))
        return self._pin((node, None), made)

    def _pin(self, place: Any, made: Any) -> Any:
        return Pair(made.row, self._bases.setdefault(place, made.base)) if isinstance(made, Pair) else made


class Asked:
    """An operator that remembers its answer to the baselines of its arguments; it has the operator's name."""

    def __init__(self, answers: dict[Node, Any], node: Node, operator: Any, args: Arguments) -> None:
        self._answers, self._node, self._operator = answers, node, operator
        self._bases = tuple(_leaves(bases_of(args)))
        self._overloadname = operator._overloadname

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = tuple(_leaves(args))
        if len(given) != len(self._bases) or any(one is not other for one, other in zip(given, self._bases, strict=True)):
            return self._operator(*args, **kwargs)
        if self._node not in self._answers:
            self._answers[self._node] = self._operator(*args, **kwargs)
        return self._answers[self._node]

    def __str__(self) -> str:
        return str(self._operator)


def _leaves(arguments: Any) -> Iterator[Any]:
    if isinstance(arguments, (tuple, list)):
        for part in arguments:
            yield from _leaves(part)
    else:
        yield arguments
