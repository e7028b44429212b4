"""Captures what flows into or out of named layers; hooks are always removed, and one that never fired is an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from audit.errors import ModelError, nearest


@contextmanager
def capture(module: nn.Module, names: Sequence[str], *, inputs: bool = False) -> Iterator[dict[str, list[Tensor]]]:
    """Tensors that pass the named layers, one per call, in order; raises ModelError for an unknown layer or one that was never called."""
    layers = dict(module.named_modules())
    held: dict[str, list[Tensor]] = {name: [] for name in names}
    for name in names:
        if name not in layers:
            raise ModelError(f"the network has no layer {name!r}: {nearest(name, layers)}")
    handles = [layers[name].register_forward_hook(_keeper(held[name], inputs=inputs)) for name in names]
    try:
        yield held
    finally:
        for handle in handles:
            handle.remove()
    silent = [name for name, tensors in held.items() if not tensors]
    if silent:
        raise ModelError(f"layer {silent[0]!r} was never called, so nothing could be captured from it")


def _keeper(held: list[Tensor], *, inputs: bool) -> Any:
    def hook(_: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
        value = arguments[0] if inputs else output
        if isinstance(value, Tensor):
            held.append(value.detach())

    return hook
