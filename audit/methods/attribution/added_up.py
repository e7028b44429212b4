"""Outputs of many coalitions, added up behind the first layer of a network from what it makes of each player, and laid together in groups."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audit.methods.attribution.answers import float64
from audit.methods.attribution.first_layer import FirstLayer
from audit.methods.attribution.room import Room
from audit.models.chunks import each_run

IN_CACHE = 524_288
"""Numbers that a layer may return at once on a processor: fewer cost more calls, more no longer stay in its cache."""
AT_ONCE = 131_072
"""Outputs that are held at once, unless a single coalition has more."""


def added_up(first: FirstLayer, inside: NDArray[np.bool_], parts: Tensor, *, k: int, chunk: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Outputs of coalitions `inside` (c, m) for each of b rows, (c', b, k) each, after their places (c',), some coalitions at a time.

    Many coalitions with some background rows of `parts` (m + 1, b, h) after the other: products of this shape are the quickest.
    Of a coalition and its complement one is added up, since both together are W x + W b.
    """
    ends, single = parts[:-1].sum(dim=0) + 2 * parts[-1], 2 * parts.shape[1] * k > AT_ONCE
    one, other, alone = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.arange(len(inside))) if single else complements(inside)
    for places in ((one, other), (alone,)):
        if len(places[0]):
            yield from _added(first, inside, parts, ends, places, k, chunk)


def _added(  # noqa: PLR0917  what is added up, then how
    first: FirstLayer, inside: NDArray[np.bool_], parts: Tensor, ends: Tensor, places: tuple[NDArray[np.int64], ...], k: int, chunk: int
) -> Iterator[tuple[Tensor, Tensor]]:
    room, (_, b, h), copies = Room(), parts.shape, len(places)
    own = torch.as_tensor(inside[places[0]], device=parts.device)
    member = torch.cat([own, torch.ones_like(own[:, :1])], dim=1).type_as(parts)
    size = max(1, IN_CACHE // first.width) if member.device.type == "cpu" else chunk

    def answers(part: Tensor) -> Tensor:
        count = part.shape[0]
        found, together = [], max(1, size // (count * copies))
        for start in range(0, b, together):
            some = parts[:, start : start + together]
            held = room.lend("held", (copies, count, some.shape[1] * h), part)
            torch.mm(part, some.flatten(1), out=held[0])
            if copies == 2:
                # what the complements make of it: the other entries of the same two rows
                torch.sub(ends[start : start + together].flatten(), held[0], out=held[1])
            found.append(float64(first.behind(held.view(-1, h))).view(copies, count, some.shape[1], -1))
        return found[0] if len(found) == 1 else torch.cat(found, dim=2)

    most = max(1, min(size // copies, AT_ONCE // (b * k * copies)))
    runs = -(-member.shape[0] // most)  # of one size, rather than a small one at the end
    yield from in_groups(answers, member, places, -(-member.shape[0] // runs), (b, k))


def in_groups(
    answers: Callable[[Tensor], Tensor], members: Tensor, places: tuple[NDArray[np.int64], ...], size: int, shape: tuple[int, int]
) -> Iterator[tuple[Tensor, Tensor]]:
    """`answers` (copies, c, b, k) of `size` of the `members` (c, …) at a time, laid together for many; each copy has its `places` (c,)."""
    (b, k), copies = shape, len(places)
    most = max(1, AT_ONCE // (b * k * copies))
    most -= most % size if most > size else 0  # so that no run is cut short
    for start in range(0, members.shape[0], most):
        group = members[start : start + most]
        held = torch.empty(copies, group.shape[0], b, k, dtype=torch.float64)

        def fill(run: slice, group: Tensor = group, held: Tensor = held) -> None:
            held[:, run] = answers(group[run])

        deque(each_run(fill, group.shape[0], min(size, most), members.device), maxlen=0)
        yield torch.from_numpy(np.concatenate([each[start : start + most] for each in places])), held.flatten(0, 1)


def complements(inside: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Places of coalitions `inside` (c, m) and of their complements among them, pair by pair, and of those without one, (p,), (p,) and (c - 2 p,).

    A coalition that is there more than once has no pair.
    """
    # Each coalition gets a sum of random numbers that wraps around, which tells it from others; whether it does is looked at.
    numbers = np.random.default_rng(0).integers(1, 2**63, size=inside.shape[1], dtype=np.uint64)
    keys = inside.astype(np.uint64) @ numbers
    wanted, order = numbers.sum() - keys, np.argsort(keys, kind="stable")
    ordered = keys[order]
    place = np.minimum(np.searchsorted(ordered, wanted), len(keys) - 1)
    once = np.ones(len(keys), dtype=np.bool_)
    once[order[1:]] &= ordered[1:] != ordered[:-1]
    once[order[:-1]] &= ordered[1:] != ordered[:-1]
    other = order[place]
    paired = (ordered[place] == wanted) & once & once[other] & (inside != inside[other]).all(axis=1)
    first = np.flatnonzero(paired & (np.arange(len(keys)) < other))
    return first, other[first], np.flatnonzero(~paired)
