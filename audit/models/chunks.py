"""Rows sent through a network some at a time, and fewer at a time where a device's memory ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch import Tensor

from audit.models.device import is_out_of_memory, release_memory

T = TypeVar("T")


def each_part(call: Callable[[Tensor], T], items: Tensor, size: int) -> Iterator[T]:
    """``call`` on runs of at most `size` of the `items` (n, …), in order; where memory runs out, on half as many, from there on."""
    return each_run(lambda run: call(items[run]), len(items), size, items.device)


def each_run(call: Callable[[slice], T], count: int, size: int, device: torch.device) -> Iterator[T]:
    """``call`` on runs of at most `size` of `count` places, in order; where the `device` runs out of memory, on half as many, from there on."""
    start = 0
    while start < count:
        stop = min(start + size, count)
        found = _tried(call, slice(start, stop))
        if found is None:
            size = (stop - start) // 2
            release_memory(device)
            continue
        start = stop
        yield found[0]


def with_room(call: Callable[[int], T], size: int, device: torch.device, *, least: int = 1) -> T:
    """``call(size)``; where memory runs out, once more from the start with half the `size`, down to `least`."""
    while True:
        try:
            return call(size)
        except RuntimeError as error:
            if not is_out_of_memory(error) or size <= least:
                raise
        size = max(least, size // 2)  # after the handler, whose traceback keeps the tensors of the failed call alive
        release_memory(device)


def _tried(call: Callable[[slice], T], run: slice) -> tuple[T] | None:
    """None where memory ran out and the run can be halved."""
    try:
        return (call(run),)
    except RuntimeError as error:
        if not is_out_of_memory(error) or run.stop - run.start < 2:
            raise
    return None
