"""Pure functions called by several threads at once, each on cores of its own, and what such threads compute once for all of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Lock
from typing import TypeVar

import torch

T = TypeVar("T")
Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


def in_threads(call: Callable[[Item], T], items: Sequence[Item], *, threads: int, cores: int) -> list[T]:
    """``call`` on each of the `items`, in their order, by as many `threads`, of which this is one, each with so many `cores` for torch.

    That keeps cores busier than operators do which each spread over all of them, since those wait for one another hundreds of times a row. When
    a call raises, no other begins, and what was raised first is raised here. Whether gradients are kept, the types of autocast and what numpy
    does about errors hold for the threads as they do here.
    """
    before = torch.get_num_threads()
    inference, gradients = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
    narrowed, narrow = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")
    left, found, failed = deque(enumerate(items)), dict[int, T](), list[BaseException]()

    def work() -> None:
        torch.set_num_threads(cores)
        while left:
            try:
                place, item = left.popleft()
            except IndexError:  # another thread was quicker
                return
            try:
                found[place] = call(item)
            except BaseException as error:  # noqa: BLE001  raised where all have ended
                failed.append(error)
                left.clear()

    def elsewhere() -> None:
        with torch.inference_mode(inference), torch.set_grad_enabled(gradients), torch.autocast("cpu", narrow, enabled=narrowed):
            work()

    try:
        with ThreadPoolExecutor(max(1, threads)) as pool:  # which starts a thread when it is given something to do
            try:
                others = [pool.submit(copy_context().run, elsewhere) for _ in range(min(threads, len(items)) - 1)]
                work()
            finally:
                left.clear()
        for other in others:
            other.result()
    finally:
        torch.set_num_threads(before)  # threads that are started later look at what was set last
    if failed:
        raise failed[0]
    return [found[place] for place in range(len(items))]


def once_for_each(call: Callable[[Key], T]) -> Callable[[Key], T]:
    """`call`, whose answers are kept; of threads that ask for what is not kept one computes, and the others wait."""
    kept, lock = dict[Key, T](), Lock()

    def answer(key: Key) -> T:
        if key not in kept:
            with lock:
                if key not in kept:
                    kept[key] = call(key)
        return kept[key]

    return answer
