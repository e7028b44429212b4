"""Rows that take some entries from one row and the others from background rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from audit.methods.attribution.room import Room

Mix = Callable[[Tensor, slice, bool], Tensor]
Asked = tuple[int | None, int | None, torch.Size]
LONG_RUN = 256
"""Entries from which on rows are long enough to be exchanged one by one."""
ALONE = 262_144
"""Numbers up to which one core exchanges them sooner than several that wait for one another."""
MOST_LAID_OUT = 1_048_576
"""Numbers that background rows may take when they are laid out as they will stand."""
_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Whole numbers by their bytes."""


def bits_of(inside: Tensor, row: Tensor) -> Tensor:
    """`inside` (…) bool as numbers of the size of those of `row` with all bits set or none."""
    return inside.type(_BITS[row.element_size()]).neg_()


def mixer(row: Tensor, background: Tensor, most: int) -> Mix:
    """Makes rows that take entries from the flattened `row` (entries,) and the others from rows of the `background` (b, entries), exactly.

    ``mix(inside, rows, turned)`` takes the entries `inside` (b or 1, p, r, entries), as `bits_of` gives them, with r at most `most`, from the row,
    and the others from the background `rows`, or the other way round. It gives (b · p · r, entries), in memory that the next call for it overwrites.

    Entries are exchanged as the bits they are, x ^ ((x ^ b) & inside), which is several times as fast as choosing between numbers; and short rows
    are laid out one behind the other once, since long runs are quickest.
    """
    kind, room, (b, size) = _BITS[row.element_size()], Room(), background.shape
    times = most if size < LONG_RUN and b * most * size <= MOST_LAID_OUT else 1
    ours = row.view(kind).repeat(times)[None, None]
    theirs = background.view(kind).repeat(1, times)[:, None]
    apart = theirs ^ ours
    if times == 1:
        ours, theirs, apart = ours[:, :, None], theirs[:, :, None], apart[:, :, None]

    last: dict[bool, tuple[Asked, Tensor, Tensor, Tensor, Tensor]] = {}  # walks ask for the same again and again

    def views(rows: slice, turned: bool, shape: torch.Size) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What may change, what it changes, and where the answer goes, as bits and as rows."""
        change, kept = apart[rows], ours if turned else theirs[rows]
        if shape[2] < change.shape[2]:
            change, kept = change[:, :, : shape[2]], kept[:, :, : shape[2]]
        held = room.lend(str(turned), (change.shape[0], *shape[1:]), row)
        return change, kept, held.view(kind), held.view(-1, size)

    def exchange(change: Tensor, mask: Tensor, kept: Tensor, bits: Tensor) -> None:
        if row.device.type == "cpu" and bits.numel() <= ALONE and torch.get_num_threads() > 1:
            np.bitwise_xor(np.bitwise_and(change.numpy(), mask.numpy(), out=bits.numpy()), kept.numpy(), out=bits.numpy())
        else:
            torch.bitwise_and(change, mask, out=bits).bitwise_xor_(kept)

    def mix(inside: Tensor, rows: slice, turned: bool) -> Tensor:
        mask = inside if times == 1 else inside.flatten(2)
        asked = (rows.start, rows.stop, mask.shape)
        if turned not in last or last[turned][0] != asked:
            last[turned] = (asked, *views(rows, turned, mask.shape))
        _, change, kept, bits, answer = last[turned]
        exchange(change, mask, kept, bits)
        return answer

    return mix
