"""Count tables of all groupings of several attributes, from few passes over the rows.

Blocks of attributes are chosen that together contain every grouping; each block is counted once and summed down to its groupings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.errors import MethodError

LARGEST_BLOCK = 2**16
"""Cells of one count table, so that it stays in the cache while rows are counted."""
Codes = NDArray[np.integer]


@dataclass(frozen=True)
class Grouping:
    """The cells of a few attributes that hold rows: the attributes' positions, each cell's level positions, its rows by outcome."""

    attributes: tuple[int, ...]
    cells: NDArray[np.int64]
    """(m, len(attributes)), in ascending order, the first attribute slowest."""
    counts: NDArray[np.int64]
    """(m, outcomes)."""


def groupings(
    codes: Sequence[Codes], sizes: Sequence[int], outcome: Codes, outcomes: int, *, order: int = 3, largest_block: int = LARGEST_BLOCK
) -> list[Grouping]:
    """Rows by cell and outcome for every set of 1 to `order` attributes, smaller sets first.

    `codes` are (n,) each, below their `sizes`, negative for unknown membership: such rows are in no cell of a grouping with that attribute.
    `outcome` (n,) is in 0…outcomes-1 for every row. Raises MethodError for codes out of range.
    """
    _check(codes, sizes, outcome, outcomes)
    wanted = [subset for k in range(1, min(order, len(codes)) + 1) for subset in combinations(range(len(codes)), k)]
    room = [size + 1 for size in sizes]  # the last position of each axis is the unknown membership
    dense = [subset for subset in wanted if outcomes * prod(room[i] for i in subset) <= largest_block]
    packed = [np.where(code < 0, size, code).astype(np.min_scalar_type(size)) for code, size in zip(codes, sizes, strict=True)]
    found = {subset: _sorted_count(packed, room, outcome, outcomes, subset) for subset in wanted if subset not in set(dense)}
    open_ = set(dense)
    for block in covering_blocks(room, dense, largest=largest_block // outcomes):
        table = _block_count(packed, room, outcome, outcomes, block)
        for subset in [subset for subset in dense if subset in open_ and set(subset) <= set(block)]:
            found[subset] = _margin(table, block, subset)
            open_.discard(subset)
    return [found[subset] for subset in wanted]


def cell_of(grouping: Grouping, codes: Sequence[Codes], sizes: Sequence[int]) -> NDArray[np.int64]:
    """Position of each row's cell in `grouping`, (n,), from the codes of all attributes; -1 for unknown membership.

    Every combination of known levels that occurs must be a cell of the grouping, as for the rows it was counted from.
    """
    held, shape = [codes[i] for i in grouping.attributes], tuple(sizes[i] for i in grouping.attributes)
    known = np.logical_and.reduce([code >= 0 for code in held])
    flat = np.ravel_multi_index(tuple(np.maximum(code, 0).astype(np.int64) for code in held), shape)
    cells = np.ravel_multi_index(tuple(grouping.cells.T), shape)
    return np.where(known, np.searchsorted(cells, flat), -1)


def covering_blocks(sizes: Sequence[int], wanted: Sequence[tuple[int, ...]], *, largest: int = LARGEST_BLOCK) -> list[tuple[int, ...]]:
    """Few blocks of attributes, each of at most `largest` cells, such that every wanted set lies inside one; greedy, largest sets first.

    A wanted set of more cells than that is a block of its own.
    """
    missing = sorted(set(wanted), key=lambda subset: (-len(subset), -prod(sizes[i] for i in subset), subset))
    blocks = []
    while missing:
        block = set(missing[0])
        while (added := _best_addition(block, missing, sizes, largest)) is not None:
            block.add(added)
        blocks.append(tuple(sorted(block)))
        missing = [subset for subset in missing if not set(subset) <= block]
    return blocks


def _best_addition(block: set[int], missing: Sequence[tuple[int, ...]], sizes: Sequence[int], largest: int) -> int | None:
    """The attribute that fits and completes most missing sets for each doubling of the cells; None when none fits."""
    cells = prod(sizes[i] for i in block)
    fitting = [i for i in range(len(sizes)) if i not in block and cells * sizes[i] <= largest]
    if not fitting:
        return None
    gain = {i: sum(i in subset and len(set(subset) - block) == 1 for subset in missing) / np.log2(sizes[i]) for i in fitting}
    near = {i: sum(i in subset and len(set(subset) & block) > 0 for subset in missing) / np.log2(sizes[i]) for i in fitting}
    best = max(fitting, key=lambda i: (gain[i], near[i], -i))
    return best if gain[best] > 0 or near[best] > 0 else None


def _check(codes: Sequence[Codes], sizes: Sequence[int], outcome: Codes, outcomes: int) -> None:
    for code, size in (*zip(codes, sizes, strict=True), (outcome, outcomes)):
        if len(code) != len(outcome):
            raise MethodError(f"codes have {len(code)} rows, the outcome has {len(outcome)}")
        if len(code) and code.max() >= size:
            raise MethodError(f"codes reach {code.max()}; expected at most {size - 1}")
    if len(outcome) and outcome.min() < 0:
        raise MethodError("every row needs an outcome")


def _block_count(packed: Sequence[Codes], room: Sequence[int], outcome: Codes, outcomes: int, block: tuple[int, ...]) -> NDArray[np.int64]:
    shape = (*(room[i] for i in block), outcomes)
    flat = _combined([packed[i] for i in block], [room[i] for i in block], outcome, outcomes)
    return np.bincount(flat, minlength=prod(shape)).reshape(shape)


def _combined(packed: Sequence[Codes], room: Sequence[int], outcome: Codes, outcomes: int) -> NDArray[Any]:
    """One integer for each row, of the smallest type that holds them all: the passes over the rows are bound by memory."""
    cells = outcomes * prod(room)
    if cells > np.iinfo(np.int64).max:
        raise MethodError("the attributes have too many levels to be crossed")
    kind = np.uint16 if cells <= 2**16 else np.uint32 if cells <= 2**32 else np.int64
    flat: NDArray[Any] = packed[0].astype(kind)
    for code, size in (*zip(packed[1:], room[1:], strict=True), (outcome, outcomes)):
        np.multiply(flat, kind(size), out=flat)
        np.add(flat, code, out=flat, casting="unsafe")
    return flat


def _margin(table: NDArray[np.int64], block: tuple[int, ...], subset: tuple[int, ...]) -> Grouping:
    summed = table.sum(axis=tuple(axis for axis, i in enumerate(block) if i not in subset))
    known = summed[(slice(-1),) * len(subset)]
    cells = np.argwhere(known.sum(axis=-1) > 0)
    return Grouping(subset, cells, known[tuple(cells.T)])


def _sorted_count(packed: Sequence[Codes], room: Sequence[int], outcome: Codes, outcomes: int, subset: tuple[int, ...]) -> Grouping:
    """By sorting, for a grouping of too many cells for a table."""
    sizes = [room[i] for i in subset]
    flat, count = np.unique(_combined([packed[i] for i in subset], sizes, outcome, outcomes), return_counts=True)
    held = np.stack(np.unravel_index(flat.astype(np.int64), (*sizes, outcomes)), axis=1)
    known = (held[:, :-1] < np.array(sizes) - 1).all(axis=1)
    cells, owner = np.unique(held[known, :-1], axis=0, return_inverse=True)
    counts = np.zeros((len(cells), outcomes), dtype=np.int64)
    np.add.at(counts, (owner.reshape(-1), held[known, -1]), count[known])
    return Grouping(subset, cells, counts)
