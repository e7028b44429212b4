"""Forward hooks that leave no trace: what a layer received or returned, with the certainty that it was called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
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
def answering(module: nn.Module, answers: Mapping[str, Mapping[int, torch.Tensor]]) -> Iterator[None]:
    """Let each named layer answer what is said for that call of it (from 0), whatever it is given; other calls are as they were."""
    layers = dict(module.named_modules())
    with ExitStack() as stack:
        for name, outputs in answers.items():
            counted = count()
            hook = lambda _layer, _inputs, output, own=outputs, counted=counted: own.get(next(counted), output)  # noqa: E731  bound to this layer
            stack.callback(layers[name].register_forward_hook(hook).remove)
        yield


@dataclass(frozen=True)
class EmbeddingCall:
    """What the embedding `layer` was given and answered, the `call`-th time (from 0)."""

    layer: str
    call: int
    given: torch.Tensor
    answer: torch.Tensor


def embedding_calls(module: nn.Module, call: Callable[[torch.Tensor], Any], leaf: torch.Tensor) -> list[EmbeddingCall]:
    """What the embeddings of the network are given and answer when it is called on a leaf."""
    found: list[EmbeddingCall] = []

    def record(name: str, inputs: tuple[Any, ...], output: Any) -> None:
        if inputs and isinstance(inputs[0], torch.Tensor) and isinstance(output, torch.Tensor):
            found.append(EmbeddingCall(name, sum(one.layer == name for one in found), inputs[0], output))

    with ExitStack() as stack:
        for name, layer in module.named_modules():
            if isinstance(layer, nn.Embedding):
                handle = layer.register_forward_hook(lambda _layer, inputs, output, name=name: record(name, inputs, output))
                stack.callback(handle.remove)
        call(leaf)
    return found


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
