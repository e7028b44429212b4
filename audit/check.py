"""`@check`: a question asked of measured rows. A check reads columns and tables, never the model, and returns `Evidence`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from audit.docstrings import parse_card
from audit.results import Card, Criterion, Evidence
from audit.settings import Settings, read_settings
from audit.witness import Reference

KINDS = ("columns", "image", "text", "movable", "same_players", "drawn", "companions")
"""Needs of the kind of inputs, and of companions; what has no meaning without them is not applicable rather than not assessed."""
NEEDS = frozenset({"labels", "groups", "gradients", "embeddings", "modules", "reference", "background", "calibration", "inputs", *KINDS})
CheckFunction = Callable[..., Evidence]
WitnessFunction = Callable[[Any, Evidence], Reference]


@dataclass(eq=False)
class Check:
    """A discovered check: its function, page, needs, the columns it reads, and the technical limits it ships."""

    id: str
    function: CheckFunction
    title: str
    card: Card
    topics: tuple[str, ...]
    reads: tuple[str, ...]
    """Probe ids whose columns or tables are read."""
    optional: tuple[str, ...]
    """Probe ids read when they could be measured; their absence is noted by the check."""
    needs: frozenset[str]
    """Words of `NEEDS` that must hold of the subject."""
    tasks: frozenset[str]
    """Tasks it has a meaning for; empty for all."""
    criteria: tuple[Criterion, ...]
    """Technical limits."""
    measures: tuple[str, ...]
    """Names of the measurements it can make; limits may be declared on these only."""
    exploratory: bool
    first: bool
    """Runs before the others and its outside finding warns every later one."""
    default: bool
    settings: Settings
    library: str = ""
    """The library whose witness it has; empty without one."""
    recompute: WitnessFunction | None = None
    """``(rows, evidence) -> Reference``: the same numbers by that library."""

    def witness(self, library: str) -> Callable[[WitnessFunction], WitnessFunction]:
        """Register the function that recomputes numbers of this check with `library`."""

        def register(function: WitnessFunction) -> WitnessFunction:
            self.library, self.recompute = library, function
            return function

        return register

    @property
    def family(self) -> str:
        """The folder it lives in."""
        return self.id.split(".", 1)[0]

    def __call__(self, rows: Any, **settings: Any) -> Evidence:
        return self.function(rows, **settings)


def check(
    *,
    title: str,
    topics: tuple[str, ...],
    measures: tuple[str, ...],
    reads: tuple[str, ...] = ("outputs",),
    optional: tuple[str, ...] = (),
    needs: frozenset[str] | set[str] = frozenset(),
    tasks: frozenset[str] | set[str] = frozenset(),
    criteria: tuple[Criterion, ...] = (),
    exploratory: bool = False,
    first: bool = False,
    default: bool = True,
) -> Callable[[CheckFunction], Check]:
    """Turn a function ``(rows, *, settings…) -> Evidence`` into a check; its docstring becomes the reader's page.

    Raises TypeError at import when the docstring lacks a section, a need is unknown, or a setting has no default.
    """
    unknown = frozenset(needs) - NEEDS
    if unknown:
        raise TypeError(f"unknown needs {sorted(unknown)}; legal: {sorted(NEEDS)}")

    def wrap(function: CheckFunction) -> Check:
        return Check(
            id=identity(function, "audit.checks."),
            function=function,
            title=title,
            card=parse_card(inspect.getdoc(function) or "", function.__qualname__),
            topics=topics,
            reads=reads,
            optional=optional,
            needs=frozenset(needs),
            tasks=frozenset(tasks),
            criteria=criteria,
            measures=measures,
            exploratory=exploratory,
            first=first,
            default=default,
            settings=read_settings(function),
        )

    return wrap


def identity(function: Callable[..., Any], root: str) -> str:
    """The id: the module path below `root`, dotted; for third-party modules the module's last two names."""
    module = function.__module__
    return module.removeprefix(root) if module.startswith(root) else ".".join(module.split(".")[-2:])


def describe(item: Check) -> Mapping[str, Any]:
    """Everything ``netassay checks show`` prints, as plain data."""
    return {
        "id": item.id,
        "title": item.title,
        "topics": list(item.topics),
        "reads": list(item.reads),
        "needs": sorted(item.needs),
        "tasks": sorted(item.tasks),
        "measures": list(item.measures),
        "settings": item.settings.defaults,
        "card": item.card,
        "criteria": list(item.criteria),
    }
