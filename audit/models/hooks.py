"""Forward hooks that leave no trace: what a layer received or returned, with the certainty that it was called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import torch
from torch import nn

from audit.errors import ModelError, nearest

HOOKS = (
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_backward_pre_hooks",
    "_backward_hooks",
)
"""Where torch keeps the hooks of a module."""


@contextmanager
def capture(module: nn.Module, names: Sequence[str], *, side: Literal["input", "output"] = "output") -> Iterator[dict[str, torch.Tensor]]:
    """Collect what the named layers receive or return; the mapping holds the tensors of the latest call, with their graph.

    Raises ModelError for an unknown layer, and on leaving without an error when a layer was never called or did not carry one tensor. The
    hooks are always removed.
    """
    layers = dict(module.named_modules())
    for name in names:
        if name not in layers:
            raise ModelError(f"the network has no layer {name!r}: {nearest(name, layers)}")
    seen: dict[str, Any] = {}
    with ExitStack() as stack:
        for name in names:
            handle = layers[name].register_forward_hook(_recorder(name, seen, side))
            stack.callback(handle.remove)
        yield seen
    for name in names:
        if name not in seen:
            raise ModelError(f"layer {name!r} was never called, so what it does cannot be seen")
        if not isinstance(seen[name], torch.Tensor):
            raise ModelError(f"layer {name!r} has {type(seen[name]).__name__} as {side}, not one tensor")


@contextmanager
def answering(module: nn.Module, name: str, output: torch.Tensor) -> Iterator[None]:
    """Let the named layer answer `output` whatever it is given."""
    handle = dict(module.named_modules())[name].register_forward_hook(lambda _layer, _inputs, _output: output)
    try:
        yield
    finally:
        handle.remove()


def embedding_of(module: nn.Module, call: Callable[[torch.Tensor], Any], ids: torch.Tensor) -> str | None:
    """Name of the embedding that is given exactly the `ids` (m, length), once; None when there is none, or several."""
    given: dict[str, list[torch.Tensor]] = {}
    with ExitStack() as stack:
        for name, layer in module.named_modules():
            if isinstance(layer, nn.Embedding):
                handle = layer.register_forward_pre_hook(lambda _layer, inputs, name=name: given.setdefault(name, []).append(inputs[0]))
                stack.callback(handle.remove)
        call(ids)
    same = [name for name, seen in given.items() if any(one.shape == ids.shape and bool((one == ids).all()) for one in seen)]
    return same[0] if len(same) == 1 and len(given[same[0]]) == 1 else None


def _recorder(name: str, seen: dict[str, Any], side: str) -> Any:
    def record(_layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        seen[name] = output if side == "output" else (inputs[0] if inputs else None)

    return record


@contextmanager
def out_of_place(module: nn.Module) -> Iterator[None]:
    """Let layers that overwrite their inputs, such as ``ReLU(inplace=True)``, leave them as they are; what is looked at must not change."""
    before = [part for part in module.modules() if getattr(part, "inplace", None) is True]
    try:
        for part in before:
            part.inplace = False  # type: ignore[assignment]  # torch types every attribute of a module as a tensor or module
        yield
    finally:
        for part in before:
            part.inplace = True  # type: ignore[assignment]


@contextmanager
def restored_hooks(module: nn.Module) -> Iterator[None]:
    """Put the hooks of every submodule back as they were on entering."""
    before = [(getattr(part, where), dict(getattr(part, where))) for part in module.modules() for where in HOOKS if hasattr(part, where)]
    try:
        yield
    finally:
        for hooks, held in before:
            hooks.clear()
            hooks.update(held)
