"""`Replay`: runs the operators of a network once more, each by a rule of the method at hand."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.fx import GraphModule, Interpreter


class Replay(Interpreter):
    """Operators in the order of use. Methods override `apply`, which by default does what the operator does."""

    def __init__(self, graph: GraphModule) -> None:
        super().__init__(graph)
        self.extra_traceback = False  # errors of rules are for users: they keep their words

    def answers(self, inputs: Any) -> Any:
        """What the network makes of rows of the shape that was traced."""
        return self.run(inputs, enable_io_processing=False)

    def apply(self, name: str, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ARG002
        """One operator of torch's own table (aten), by its name there."""
        return operator(*args, **kwargs)

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What Python does stays; what is written back into the network's own input is looked at by nobody; the rest is up to `apply`."""
        if not str(target).startswith("aten."):
            return target(*args, **kwargs)
        name = str(target).split(".")[1]
        return args[1] if name == "copy_" else self.apply(name, target, args, kwargs)

    def get_attr(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A weight, cut off from any graph of its own."""
        held = super().get_attr(target, args, kwargs)
        return held.detach() if isinstance(held, Tensor) else held
