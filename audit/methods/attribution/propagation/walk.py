"""Walks the operators of a network with rows and baselines side by side, and asks each operator's rule for what joins them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.fx import GraphModule, Node

from audit.errors import MethodError
from audit.methods.attribution.propagation import elementwise, linear, maxima, normalisation, products, softmax
from audit.methods.attribution.propagation.kept import Kept
from audit.methods.attribution.propagation.pair import Pair, Rule, pairs_in
from audit.methods.attribution.propagation.replay import Replay

RULES: Mapping[str, Rule] = {
    name: rule for family in (linear, elementwise, products, softmax, normalisation, maxima) for name, rule in family.RULES.items()
}
"""By name of the operator in torch's own table of operators (aten)."""


class Walk(Replay):
    """Outputs of rows and baselines as one Pair; the backward pass of its rows gives multipliers in place of gradients."""

    def __init__(self, graph: GraphModule) -> None:
        super().__init__(graph)
        self._kept = Kept()
        self._met: Tensor | None = None
        self._node: Any = None

    def along(self, rows: Tensor, bases: Tensor) -> Pair:
        """Rows (m, …), which ask for a gradient, and their baselines (m, …), through the network; raises MethodError for an operator without rule.

        Baselines that are the same tensor as the last time are not sent through again.
        """
        if bases is not self._met:
            self._kept.forget()
            self._met = bases
        found = self.answers(Pair(rows, bases))
        return found if isinstance(found, Pair) else Pair(found, found)

    def run_node(self, n: Node) -> Any:
        """One node of the graph, remembered as the present one."""
        self._node = n
        return super().run_node(n)

    def apply(self, name: str, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """One operator; those that no changing input reaches run as they are."""
        if not pairs_in((args, kwargs)):
            return operator(*args, **kwargs)
        if name not in RULES:
            raise MethodError(f"there is no rule for the operator `{name}`, so the output cannot be divided among the inputs without a gap")
        made = RULES[name](self._kept.asked_once(self._node, operator, args), args, kwargs)
        return self._kept.pinned(self._node, made)

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """One step; a second output of an operator, for which there is no rule, may not be used."""
        found = super().call_function(target, args, kwargs)
        if found is None:
            raise MethodError("the network uses the places of maxima, or statistics of a normalisation, for which there is no rule")
        return found
