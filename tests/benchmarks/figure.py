"""A figure of merit with its goal, and how two calls are timed against each other fairly."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True)
class Figure:
    """One number of one family, the goal it is held against, the gate it may not fall behind, and which way is better."""

    family: str
    figure: str
    value: float
    goal: float
    better: Literal["higher", "lower"]
    detail: str = ""
    gate: float | None = None
    """The worst value that is let pass; None for two thirds of what the goal asks. Shares need their own: two thirds of 0.93 is no coverage."""

    @property
    def limit(self) -> float:
        """The gate, or two thirds of what the goal asks."""
        if self.gate is not None:
            return self.gate
        return self.goal * 2 / 3 if self.better == "higher" else self.goal * 3 / 2

    @property
    def met(self) -> bool:
        """Whether the value is at least as good as the goal."""
        return self._reaches(self.goal)

    @property
    def passes(self) -> bool:
        """Whether the value is at least as good as the gate."""
        return self._reaches(self.limit)

    def plain(self) -> dict[str, Any]:
        """The figure as written to ``bench.json``."""
        return {
            "family": self.family,
            "figure": self.figure,
            "value": self.value,
            "goal": self.goal,
            "better": self.better,
            "met": self.met,
            "gate": self.limit,
            "passes": self.passes,
            "detail": self.detail,
        }

    def _reaches(self, bound: float) -> bool:
        return self.value >= bound if self.better == "higher" else self.value <= bound


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
