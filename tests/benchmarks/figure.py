"""A figure of merit with its goal, and how two calls are timed against each other fairly."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True)
class Figure:
    """One number of one family, the goal it is held against, and which way is better."""

    family: str
    figure: str
    value: float
    goal: float
    better: Literal["higher", "lower"]
    detail: str = ""

    @property
    def met(self) -> bool:
        """Whether the value is at least as good as the goal."""
        return self.value >= self.goal if self.better == "higher" else self.value <= self.goal

    def plain(self) -> dict[str, Any]:
        """The figure as written to ``bench.json``."""
        return {
            "family": self.family,
            "figure": self.figure,
            "value": self.value,
            "goal": self.goal,
            "better": self.better,
            "met": self.met,
            "detail": self.detail,
        }


@dataclass(frozen=True)
class Ratio:
    """Medians over rounds of the second call's seconds over the first's, and of the first call's own seconds."""

    wall: float
    cpu: float
    seconds: float

    def __str__(self) -> str:
        return f"wall {self.wall:.2f}, CPU {self.cpu:.2f}; {self.seconds:.3g} s"


def interleaved(ours: Callable[[], object], theirs: Callable[[], object], *, rounds: int) -> Ratio:
    """Time both in turn, `rounds` times after one unmeasured round each, so that a busy machine slows both alike."""
    ours(), theirs()
    timed = [(_timed(ours), _timed(theirs)) for _ in range(rounds)]
    return Ratio(
        wall=median(second[0] / first[0] for first, second in timed),
        cpu=median(second[1] / first[1] for first, second in timed),
        seconds=median(first[0] for first, _ in timed),
    )


def _timed(call: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, max(time.process_time() - cpu, 1e-9)
