"""Progress on standard error: a bar per probe with rows, rows per second and time left; plain lines when it is no terminal."""

from __future__ import annotations

import sys
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.progress import Task as Bar
from rich.text import Text


class TerminalProgress:
    """Draws probes and checks as they advance."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description:36}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(compact=True),
            console=console,
            disable=not sys.stderr.isatty(),
        )
        self._tasks: dict[str, TaskID] = {}
        self._plain = not sys.stderr.isatty()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def probe(self, instance: str, done: int, total: int) -> None:
        """`done` of `total` rows measured by one probe."""
        self._advance(instance, done, total, "rows")

    def checks(self, done: int, total: int) -> None:
        """`done` of `total` checks asked."""
        self._advance("checks", done, total, "checks")

    def _advance(self, name: str, done: int, total: int, unit: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total)
        self._bars.update(self._tasks[name], completed=done, total=total)
        if self._plain and done == total:
            sys.stderr.write(f"{name}: {total:,} {unit}\n")


class _Rate(ProgressColumn):
    """Rows per second."""

    def render(self, task: Bar) -> Text:
        """The rate so far."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "")
