"""One row with some of its players left out (words, patches): which rows the network is then asked about, and what LIME makes of its answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.background import against
from audit.decide import decide
from audit.explained import differentiable, explained_outputs
from audit.methods.lime.presence import Scheme, draw_presence, presence_surrogate
from audit.methods.lime.surrogate import Selection, Surrogate
from audit.subject import Subject

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LeftOut:
    """An encoded row, what stands for it when everything is left out, (…) each, and the explained output."""

    subject: Subject
    row: NDArray[Any]
    absent: NDArray[Any]
    target: int
    total: float
    owner: NDArray[np.int64]
    """Player of each entry, (entries,)."""

    @property
    def varying(self) -> NDArray[np.int64]:
        """Players that are not the same when left out, (v,) ascending; padding is."""
        differs = (self.row != self.absent).reshape(-1)
        return np.unique(self.owner[differs])

    def outputs(self, present: NDArray[np.bool_]) -> Floats:
        """The explained output (m,) where only the `present` (m, v) of the varying players are left."""
        kept = np.ones((len(present), len(self.subject.players.names)), dtype=np.bool_)
        kept[:, self.varying] = present
        leaf = np.where(kept[:, self.owner], self.row.reshape(-1), self.absent.reshape(-1)).astype(self.row.dtype)
        model = differentiable(self.subject)
        with model.session(gradients=False) as network:
            answered = network(model.tensor(leaf.reshape(-1, *self.row.shape))).cpu().double().numpy()
        return np.asarray(explained_outputs(decide(answered, self.subject.facts))[:, self.target])

    def surrogate(
        self, samples: int, *, scheme: Scheme, generator: np.random.Generator, selection: Selection = "none", columns: int | None = None
    ) -> Surrogate:
        """LIME's linear model on one neighbourhood of `samples` rows; players that do not vary, or are not chosen, have coefficient 0."""
        varying, size = self.varying, len(self.subject.players.names)
        if not len(varying):
            alone = np.array([self.total])
            return Surrogate(np.zeros((1, size)), alone, np.array([np.nan]), alone)
        present = draw_presence(len(varying), samples, scheme=scheme, generator=generator)
        found = presence_surrogate(present, self.outputs(present), self.total, selection=selection, columns=columns)
        values = np.zeros((1, size))
        values[:, varying] = found.values
        return Surrogate(values, found.intercept, found.r2, found.local)


def rows_left_out(
    subject: Subject, values: NDArray[Any], background: NDArray[Any], targets: NDArray[np.int64], totals: Floats
) -> Iterator[tuple[int, LeftOut]]:
    """Each encoded row (n, …) with its place. Where rows share a background (b, …), its first row stands for what is left out."""
    for part in against(subject, values, background):
        for place in part.places:
            yield int(place), LeftOut(subject, values[place], part.absent[0], int(targets[place]), float(totals[place]), part.owner)


def joined(parts: Sequence[Surrogate], players: int) -> Surrogate:
    """One-row surrogates as one of n rows."""
    if not parts:
        nothing = np.zeros(0)
        return Surrogate(np.zeros((0, players)), nothing, nothing, nothing)
    return Surrogate(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("values", "intercept", "r2", "local")))
