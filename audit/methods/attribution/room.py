"""Memory that is used again: fetched anew for every chunk of rows, it costs as much as what is computed in it."""

from __future__ import annotations

import threading
from math import prod

from torch import Tensor


class Room(threading.local):
    """Lends tensors by name, to each thread its own; one that was lent is overwritten when its name is asked for again."""

    def __init__(self) -> None:
        self._held: dict[str, Tensor] = {}

    def lend(self, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """A tensor of that shape with the type and device of `like`, holding anything."""
        size, held = prod(shape), self._held.get(name)
        if held is None or len(held) < size or held.dtype != like.dtype or held.device != like.device:
            held = self._held[name] = like.new_empty(size)
        return held[:size].view(shape)
