"""What a network with its code says it takes and gives: names, types and shapes of its inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from audit.data.leaf import Argument, Arguments
from audit.errors import ModelError


@dataclass(frozen=True)
class Port:
    """An input or output of a network: name, type, and shape, with None or a name for a side that varies."""

    name: str
    kind: str
    """As the file's format calls it; empty where the file does not say it."""
    shape: tuple[int | str | None, ...] | None
    """Rows first; None where the file does not say it."""

    def __str__(self) -> str:
        sides = "" if self.shape is None else " × ".join("any" if side is None else str(side) for side in self.shape) or "one number"
        return " ".join(part for part in (repr(self.name), self.kind.removeprefix("tensor(").removesuffix(")"), sides) if part)


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A network as its file describes it. The description is that of whoever made the file, and may be wrong."""

    inputs: tuple[Port, ...] = ()
    """Those it must be given."""
    further: tuple[Port, ...] = ()
    """Those it can do without."""
    outputs: tuple[Port, ...] = ()
    weights: Mapping[str, tuple[int | None, ...]] = field(default_factory=dict)
    """Shapes of parameters and buffers, by name."""
    tokens: int | None = None
    """Rows of the table that the first embedding looks up."""
    recurrent: bool = False
    """An operation reads step by step."""
    last: str = ""
    """``sigmoid``, ``softmax``, ``log_softmax`` or ``log_sigmoid`` where that operation gives the output; else empty."""


def refuse_other_inputs(path: Path, takes: Sequence[Port], arguments: Arguments, *, optional: int = 0) -> None:
    """Raise ModelError where the rows do not give as many inputs as a network takes, of which the last `optional` may be left out."""
    given = arguments.names
    if len(takes) - optional <= len(given) <= len(takes):
        return
    listed = ", ".join(map(str, takes[:8])) + (" …" if len(takes) > 8 else "")
    raise ModelError(f"{path} takes {len(takes)} inputs ({listed}); the rows give {len(given)} ({', '.join(given)}): {_remedy(takes, given)}")


def _remedy(takes: Sequence[Port], given: tuple[Argument, ...]) -> str:
    if len(takes) > len(given) and given[0] == "token ids":
        return "a mask or lengths are given with data.text.mask = true and data.text.lengths = true"
    if len(takes) > len(given) and len(given) == 1:
        return 'several inputs are given by data.kind = "several", and a mask or lengths by data.text or data.series'
    return "expected as many, in the order the network takes them"
