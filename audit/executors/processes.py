"""Measures blocks in worker processes. A killed worker costs time, not results: the pool is rebuilt and what is missing is sent again."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from audit.block import BlockResult, BlockTask, measure_block
from audit.config_file import ConfigFile
from audit.errors import NetassayError
from audit.open_model import Trust
from audit.open_subject import open_subject
from audit.subject import Subject

RETRIES = 3
"""How often a broken pool is rebuilt for the same block before the audit gives up."""

_subject: Subject | None = None


class ProcessExecutor:
    """`workers` processes, each with its own subject opened once and one thread."""

    def __init__(self, file: ConfigFile, trust: Trust, *, workers: int) -> None:
        self._file, self._trust, self._workers = file, trust, workers
        self._pool = self._start()

    def map(self, tasks: Iterable[BlockTask]) -> Iterator[BlockResult]:
        """Results in the order of the tasks; at most twice as many tasks as workers are in flight."""
        flight: deque[tuple[BlockTask, Future[BlockResult]]] = deque()
        for task in tasks:
            flight.append((task, self._submit(task)))
            if len(flight) >= 2 * self._workers:
                yield self._collect(flight)
        while flight:
            yield self._collect(flight)

    def close(self) -> None:
        """End the workers."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn")
        return ProcessPoolExecutor(self._workers, mp_context=context, initializer=_open, initargs=(self._file, self._trust))

    def _submit(self, task: BlockTask) -> Future[BlockResult]:
        try:
            return self._pool.submit(_measure, task)
        except BrokenProcessPool:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = self._start()
            return self._pool.submit(_measure, task)

    def _collect(self, flight: deque[tuple[BlockTask, Future[BlockResult]]]) -> BlockResult:
        task, future = flight.popleft()
        for _ in range(RETRIES):
            try:
                return future.result()
            except BrokenProcessPool:
                future = self._submit(task)
                waiting = [item for item, _ in flight]
                flight.clear()
                flight.extend((item, self._submit(item)) for item in waiting)
        return BlockResult(task, {}, 0.0, f"The worker process died {RETRIES} times while measuring {task.instance}, block {task.part}.")


def _open(file: ConfigFile, trust: Trust) -> None:
    global _subject  # noqa: PLW0603  a worker process has one subject for its whole life
    os.environ["OMP_NUM_THREADS"] = "1"
    _subject = open_subject(file, trust)
    _one_thread()


def _one_thread() -> None:
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


def _measure(task: BlockTask) -> BlockResult:
    if _subject is None:
        raise NetassayError("the worker has no subject")
    return measure_block(_subject, task)
