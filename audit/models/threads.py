"""Pure functions called by several threads at once, each on cores of its own, and what such threads compute once for all of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import TypeVar

import torch

T = TypeVar("T")
Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


def in_threads(call: Callable[[Item], T], items: Sequence[Item], *, threads: int, cores: int) -> list[T]:
    """``call`` on each of the `items`, in their order, by as many `threads`, of which this is one, each with so many `cores` for torch.

    That keeps cores busier than operators do which each spread over all of them, since those wait for one another hundreds of times a row. The
    first call that raises ends it, and what it raised is raised here. Whether gradients are kept holds for the threads as it does here.
    """
    threads, before = max(1, min(threads, len(items))), torch.get_num_threads()
    inference, gradients = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
    left, found = deque(enumerate(items)), dict[int, T]()

    def work() -> None:
        torch.set_num_threads(cores)
        try:
            while True:
                try:
                    place, item = left.popleft()
                except IndexError:
                    return
                found[place] = call(item)
        except BaseException:
            left.clear()
            raise

    def elsewhere() -> None:
        with torch.inference_mode(inference), torch.set_grad_enabled(gradients):
            work()

    try:
        with ThreadPoolExecutor(threads) as pool:  # which starts a thread when it is given something to do
            others = [pool.submit(elsewhere) for _ in range(threads - 1)]
            work()
        for other in others:
            other.result()
    finally:
        torch.set_num_threads(before)  # threads that are started later look at what was set last
    return [found[place] for place in range(len(items))]


def once_for_each(call: Callable[[Key], T]) -> Callable[[Key], T]:
    """`call`, whose answers are kept; threads that ask while one is computed wait for it."""
    kept, lock = cache(call), Lock()

    def answer(key: Key) -> T:
        with lock:
            return kept(key)

    return answer
