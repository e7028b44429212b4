"""How the leaf of a batch becomes the arguments a network is called with: itself, token ids with mask or lengths, a series, several inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor


Argument = Literal["values", "token ids", "mask", "lengths"]
"""Numbers of floating type, ids int64, bool, int64."""


class Arguments(Protocol):
    """Turns a leaf (m, …) into what the network is called with, in order. Differentiable wherever the leaf is."""

    @property
    def names(self) -> tuple[Argument, ...]:
        """What each of them is, in order."""

    def of(self, leaf: Tensor) -> tuple[Tensor, ...]: ...


@dataclass(frozen=True)
class Plain:
    """The leaf itself."""

    @property
    def names(self) -> tuple[Argument, ...]:
        """One of floating type."""
        return ("values",)

    def of(self, leaf: Tensor) -> tuple[Tensor, ...]:
        """One argument."""
        return (leaf,)


@dataclass(frozen=True)
class Tokens:
    """Token ids (m, length) int64, and when asked for the mask (m, length) bool of what is no padding, and the lengths (m,) int64."""

    pad: int
    mask: bool
    lengths: bool

    @property
    def names(self) -> tuple[Argument, ...]:
        """Ids, then what was asked for."""
        return ("token ids", *_beside(mask=self.mask, lengths=self.lengths))

    def of(self, leaf: Tensor) -> tuple[Tensor, ...]:
        """Ids, then mask, then lengths; a row of padding alone has length 1, since most networks take no empty row."""
        kept = leaf != self.pad
        further = [kept] if self.mask else []
        if self.lengths:
            last = (kept * (kept.new_ones(kept.shape[1], dtype=leaf.dtype).cumsum(0))).amax(dim=1)
            further.append(last.clamp(min=1))
        return (leaf, *further)


@dataclass(frozen=True)
class Series:
    """Values (m, channels, length); where series `end`, one channel more, which says 1 where a series has a value and 0 where it has ended."""

    axes: Literal["nct", "ntc", "nt"]
    ends: bool
    mask: bool
    lengths: bool

    @property
    def names(self) -> tuple[Argument, ...]:
        """Values, then what was asked for where series end."""
        return ("values", *_beside(mask=self.ends and self.mask, lengths=self.ends and self.lengths))

    def of(self, leaf: Tensor) -> tuple[Tensor, ...]:
        """Values with 0 after the end, then mask (m, length) bool, then lengths (m,) int64, where they are asked for."""
        if not self.ends:
            return (self._turned(leaf),)
        there = leaf[:, -1] > 0.5
        further = [there] if self.mask else []
        further += [there.sum(dim=1).clamp(min=1)] if self.lengths else []
        return (self._turned(leaf[:, :-1] * there[:, None]), *further)

    def _turned(self, values: Tensor) -> Tensor:
        if self.axes == "nt":
            return values[:, 0]
        return values.transpose(1, 2) if self.axes == "ntc" else values


@dataclass(frozen=True)
class Part:
    """Some entries of a flattened leaf, which are one input of a network with several."""

    start: int
    stop: int
    shape: tuple[int, ...]
    arguments: Arguments
    name: str = ""


@dataclass(frozen=True)
class Several:
    """Several inputs side by side in one flattened leaf (m, entries) of floating type."""

    parts: tuple[Part, ...]

    @property
    def names(self) -> tuple[Argument, ...]:
        """Those of each part, one part after another."""
        return tuple(name for part in self.parts for name in part.arguments.names)

    def of(self, leaf: Tensor) -> tuple[Tensor, ...]:
        """The arguments of each part, one part after another; token ids become whole numbers again."""
        found: list[Tensor] = []
        for part in self.parts:
            piece = leaf[:, part.start : part.stop].reshape(-1, *part.shape)
            found += part.arguments.of(piece.long() if isinstance(part.arguments, Tokens) else piece)
        return tuple(found)


PLAIN = Plain()


def _beside(*, mask: bool, lengths: bool) -> tuple[Argument, ...]:
    found: list[Argument] = ["mask"] if mask else []
    return (*found, "lengths") if lengths else tuple(found)


@dataclass(frozen=True)
class Entries:
    """Of the entries of a flattened leaf (entries,) bool: `ids` are token ids, `fixed` say where a series ends and are no values."""

    ids: NDArray[np.bool_]
    fixed: NDArray[np.bool_]


def entries_of(arguments: Arguments, shape: tuple[int, ...]) -> Entries:
    """What the entries of a flattened row of `shape` are."""
    size = int(np.prod(shape, dtype=np.int64))
    if isinstance(arguments, Several):
        parts = [entries_of(part.arguments, part.shape) for part in arguments.parts]
        return Entries(np.concatenate([part.ids for part in parts]), np.concatenate([part.fixed for part in parts]))
    ids, fixed = np.full(size, isinstance(arguments, Tokens)), np.zeros(size, dtype=np.bool_)
    if isinstance(arguments, Series) and arguments.ends:
        fixed[-shape[-1] :] = True
    return Entries(ids, fixed)
