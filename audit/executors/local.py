"""Measures blocks in this process, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from audit.block import BlockResult, BlockTask, measure_block
from audit.subject import Subject


class LocalExecutor:
    """One core, no copies."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def map(self, tasks: Iterable[BlockTask]) -> Iterator[BlockResult]:
        """Results in the order of the tasks."""
        for task in tasks:
            yield measure_block(self._subject, task)

    def close(self) -> None:
        """Nothing to end."""
