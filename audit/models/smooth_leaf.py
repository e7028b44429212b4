"""`SmoothLeaf`: a leaf in which token ids are replaced by what an embedding makes of them, so that all of it can be changed by a little."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from audit.data.leaf import Arguments, Several, Tokens, entries_of
from audit.errors import ModelError
from audit.models.hooks import EmbeddingCall, embedding_calls
from audit.models.model import SmoothEntries


@dataclass(frozen=True)
class EmbeddedText:
    """Token ids among the entries of a flattened row, and the embedding that makes `width` numbers of each, the `call`-th time it is called."""

    start: int
    stop: int
    layer: str
    call: int
    width: int


@dataclass(frozen=True)
class SmoothLeaf:
    """Rows (m, *shape) with token ids as the network is given them, and the same rows in a smooth form.

    Each id of a text becomes its embedding and, behind it, the id itself: that says what the rest of the network must know of the text, such
    as mask and lengths, and never changes. A leaf that is nothing but ids (m, length) becomes (m, length, width + 1); of several inputs side
    by side (m, entries) the texts' entries become wider where they are.
    """

    shape: tuple[int, ...]
    arguments: Arguments
    texts: tuple[EmbeddedText, ...]

    def of(self, leaf: Tensor, module: nn.Module) -> Tensor:
        """The smooth form of a leaf (m, *shape)."""
        layers, flat, parts, last = dict(module.named_modules()), leaf.flatten(1), [], 0
        for text in self.texts:
            ids = flat[:, text.start : text.stop]
            found = layers[text.layer](ids.round().long() if ids.is_floating_point() else ids)
            parts += [flat[:, last : text.start], torch.cat([found, ids[..., None].to(found.dtype)], dim=-1).flatten(1)]
            last = text.stop
        kind = parts[1].dtype
        return torch.cat([part.to(kind) for part in [*parts, flat[:, last:]]], dim=1).reshape(len(leaf), *self.smooth_shape)

    @property
    def smooth_shape(self) -> tuple[int, ...]:
        """Of a row in its smooth form."""
        if isinstance(self.arguments, Tokens):
            return (*self.shape, self.texts[0].width + 1)
        (entries,) = self.shape
        return (entries + sum((text.stop - text.start) * text.width for text in self.texts),)

    @property
    def entries(self) -> SmoothEntries:
        """What each entry of a smooth row stands for."""
        held = entries_of(self.arguments, self.shape)
        counts = np.ones(len(held.ids), dtype=np.int64)
        for text in self.texts:
            counts[text.start : text.stop] += text.width
        fixed = np.repeat(held.fixed, counts)
        fixed[np.cumsum(counts)[held.ids] - 1] = True
        return SmoothEntries(np.repeat(np.arange(len(counts), dtype=np.int64), counts), fixed)

    def fits(self, rows: Tensor) -> bool:
        """Whether rows are in their smooth form."""
        return tuple(rows.shape[1:]) == self.smooth_shape and rows.is_floating_point()

    def apart(self, rows: Tensor) -> tuple[Tensor, Mapping[str, Mapping[int, Tensor]]]:
        """Rows in their smooth form as a leaf (m, *shape), and what each layer answers at which of its calls."""
        flat, parts, last = rows.flatten(1), [], 0
        answers: dict[str, dict[int, Tensor]] = {}
        for text, start in zip(self.texts, self._starts(), strict=True):
            stop = start + (text.stop - text.start) * (text.width + 1)
            held = flat[:, start:stop].reshape(len(rows), text.stop - text.start, text.width + 1)
            parts += [flat[:, last:start], held[..., -1].detach().round()]
            answers.setdefault(text.layer, {})[text.call] = held[..., :-1]
            last = stop
        leaf = torch.cat([*parts, flat[:, last:]], dim=1).reshape(len(rows), *self.shape)
        return (leaf.long() if isinstance(self.arguments, Tokens) else leaf), answers

    def _starts(self) -> Iterator[int]:
        """Where each text starts in a flattened smooth row."""
        more = 0
        for text in self.texts:
            yield text.start + more
            more += (text.stop - text.start) * text.width


def find_smooth_leaf(module: nn.Module, arguments: Arguments, leaf: Tensor, call: Callable[[Tensor], Any]) -> SmoothLeaf | None:
    """How the leaf (m, …) of a network that reads texts becomes smooth, seen from which embedding is given the ids; None without texts.

    Raises ModelError that names the text whose ids no `torch.nn.Embedding`, or several, are given.
    """
    places = _texts(arguments, leaf)
    if not places:
        return None
    calls = embedding_calls(module, call, leaf)
    texts = [_embedded(module, name, slice(start, stop), leaf.flatten(1)[:, start:stop], calls) for name, start, stop in places]
    same = {(text.layer, text.call) for text in texts}
    if len(same) < len(texts):
        named = " and ".join(name for name, _, _ in places)
        raise ModelError(f"{named}: they hold the same ids in all rows that were tried, so that their embeddings cannot be told apart")
    return SmoothLeaf(tuple(leaf.shape[1:]), arguments, tuple(texts))


def _texts(arguments: Arguments, leaf: Tensor) -> list[tuple[str, int, int]]:
    """Name and entries of each text, in the order of the entries."""
    if isinstance(arguments, Tokens):
        return [("the text", 0, leaf.shape[1])]
    if not isinstance(arguments, Several):
        return []
    return [(f"the text {part.name!r}", part.start, part.stop) for part in arguments.parts if isinstance(part.arguments, Tokens)]


def _embedded(module: nn.Module, name: str, where: slice, ids: Tensor, calls: Sequence[EmbeddingCall]) -> EmbeddedText:
    given = ids.round().long()
    same = [one for one in calls if one.given.shape == given.shape and bool((one.given == given).all())]
    if len(same) != 1:
        found = "none is" if not same else f"it happens {len(same)} times"
        raise ModelError(f"{name}: gradients are of its embedding, for which one torch.nn.Embedding must be given its ids, once; {found}")
    (one,) = same
    again = dict(module.named_modules())[one.layer](one.given)
    if one.answer.ndim != 3 or not torch.allclose(again, one.answer, equal_nan=True):
        raise ModelError(f"{name}: the embedding {one.layer!r} does not give the same numbers for the same ids")
    return EmbeddedText(where.start, where.stop, one.layer, one.call, one.answer.shape[2])
