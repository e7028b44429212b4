"""What a network says it is given: its inputs without the masks and lengths that go with them, and the sizes of the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.data.protected_names import words_of
from audit.models.ports import Port

MASKS = frozenset({"mask", "masks", "padding"})
MOST_CHANNELS = 4
LENGTHS = frozenset({"length", "lengths", "lens"})


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Inputs of a network as far as it tells them."""

    names: tuple[str, ...] = ()
    """Of the inputs it must be given, without masks and lengths; empty where it does not say them."""
    further: tuple[str, ...] = ()
    """Of those it can do without."""
    sizes: tuple[int | None, ...] | None = None
    """Of the first, rows first, None where any size may be; None where it does not say them."""
    whole: bool = False
    """The first is of whole numbers."""
    mask: bool = False
    lengths: bool = False

    def side(self, axis: int, *, rank: int) -> int | None:
        """One size of the first input, where that has so many axes and this one is fixed."""
        return self.sizes[axis] if self.sizes is not None and len(self.sizes) == rank else None

    @property
    def channels_last(self) -> bool:
        """Whether the sizes are those of images with their channels in the last axis."""
        first, last = self.side(1, rank=4), self.side(3, rank=4)
        return last is not None and last <= MOST_CHANNELS and (first is None or first > MOST_CHANNELS)


NOTHING = Taken()
"""Of a network that does not say what it takes."""


def taken(ports: Sequence[Port], *, further: Sequence[Port] = ()) -> Taken:
    """What `ports` must be given, and `further` may be."""
    inputs = [port for port in ports if not is_mask(port) and not is_lengths(port)]
    first = inputs[0] if inputs else None
    sizes = None if first is None or first.shape is None else tuple(size if isinstance(size, int) else None for size in first.shape)
    return Taken(
        names=tuple(port.name for port in inputs),
        further=tuple(port.name for port in further if not is_mask(port) and not is_lengths(port)),
        sizes=sizes,
        whole=first is not None and first.kind.removeprefix("tensor(").startswith("int"),
        mask=any(is_mask(port) for port in ports),
        lengths=any(is_lengths(port) for port in ports),
    )


def is_mask(port: Port) -> bool:
    """By its name or type."""
    return bool(words_of(port.name) & MASKS) or "bool" in port.kind


def is_lengths(port: Port) -> bool:
    """By its name."""
    return bool(words_of(port.name) & LENGTHS) and not is_mask(port)
