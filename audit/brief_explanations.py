"""Shapley values, integrated gradients and occlusion of a few rows, by whatever the network of a subject is at the moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from audit.background import Against, against
from audit.baseline_rows import at_once, rows_and_baselines, rows_at_once
from audit.data.encoding import StructuredEncoder
from audit.data.leaf import PLAIN, entries_of
from audit.explained import differentiable, entry_owner, smooth
from audit.methods.attribution import integrated_gradients as gradients
from audit.methods.attribution.max_sensitivity import max_sensitivity
from audit.methods.attribution.occlusion import occlusion
from audit.methods.attribution.players import per_player
from audit.methods.attribution.removal import rounding
from audit.methods.attribution.shapley import Estimator, drawn_by, shapley_values
from audit.models.model import SmoothModel
from audit.subject import Subject

Array = NDArray[np.float64]
STEPS = (8, 16, 32, 64)
"""Points on the paths of integrated gradients."""


def methods_of(subject: Subject) -> tuple[str, ...]:
    """Methods a few rows of the subject can be explained by."""
    return ("shapley", "occlusion", *(["integrated_gradients"] if subject.has("gradients") and isinstance(subject.model, SmoothModel) else []))


@dataclass(frozen=True)
class FewRows:
    """Encoded rows `values` (n, …), the explained output of each, `target` (n,), a random stream for each, and a background (b, …)."""

    subject: Subject
    values: NDArray[Any]
    target: NDArray[np.int64]
    streams: Sequence[np.random.Generator]
    background: NDArray[Any]

    @cached_property
    def parts(self) -> tuple[Against, ...]:
        """The rows in parts that share what stands for absent."""
        return tuple(against(self.subject, self.values, self.background))

    @property
    def players(self) -> int:
        """Number of players."""
        return len(self.subject.players.names)

    @cached_property
    def varying(self) -> NDArray[np.bool_]:
        """Players that are not the same when left out, (n, players)."""
        found = np.zeros((len(self.values), self.players), dtype=np.bool_)
        for part in self.parts:
            differs = (self.values[part.places][:, None] != part.absent).any(axis=1).reshape(len(part.places), len(part.owner))
            found[part.places] = per_player(differs.astype(np.float64), part.owner, self.players) > 0
        return found

    @cached_property
    def ids(self) -> NDArray[np.bool_]:
        """Entries of a flattened row that are token ids, (entries,)."""
        encoder = self.subject.encoder
        found: NDArray[np.bool_] = entries_of(encoder.arguments if isinstance(encoder, StructuredEncoder) else PLAIN, self.values.shape[1:]).ids
        return found

    def distance(self) -> Array:
        """How far the entries of each player are from the mean of what stands for absent, without a sign: (n, players).

        Of entries that are token ids it is the number that differs.
        """
        found, ids = np.zeros((len(self.values), self.players)), self.ids
        for part in self.parts:
            rows, absent = self.values[part.places], part.absent
            far, differ = np.abs(rows - absent.mean(axis=0)), (rows[:, None] != absent).mean(axis=1)
            each = np.where(ids, *(one.astype(np.float64).reshape(len(rows), len(ids)) for one in (differ, far)))
            found[part.places] = per_player(each, part.owner, self.players)
        return found

    def shapley(self, *, walks: int, exact_up_to: int, estimator: Estimator = "auto", seed: int = 0) -> tuple[Array, NDArray[np.bool_]]:
        """Values (n, players) from at least so many random orders over all background rows, and which rows were enumerated (n,).

        Where the `estimator` is ``auto``, they come from the quadrature that `seed` draws against a background of ten rows or fewer.
        What may be rounding is 0.
        """
        found, exact = np.zeros((len(self.values), self.players)), np.zeros(len(self.values), dtype=np.bool_)
        model = differentiable(self.subject)
        with model.session(gradients=False) as network:
            for part in self.parts:
                inputs, row, target = model.tensor(self.values[part.places]), np.arange(len(part.places)), self.target[part.places]
                held = shapley_values(
                    network,
                    inputs,
                    model.tensor(part.absent),
                    part.owner,
                    players=self.players,
                    draws=[drawn_by(self.streams[place], len(part.absent), self.players) for place in part.places],
                    exact_up_to=exact_up_to,
                    pairs=max(2, -(-walks // len(part.absent))),
                    estimator=estimator,
                    seed=seed,
                    chunk=rows_at_once(model, self.values, gradients=False),
                )
                values, least = held.values[row, :, target], rounding(inputs) * np.abs(held.total[row, target])[:, None]
                found[part.places] = np.where(np.abs(values) > least, values, 0.0)
                exact[part.places] = held.exact
        return found, exact

    def occlusion(self) -> Array:
        """Falls of the output when one player is replaced, (n, players)."""
        found = np.zeros((len(self.values), self.players))
        model = differentiable(self.subject)
        with model.session(gradients=False) as network:
            for part in self.parts:
                windows = (part.owner == np.arange(self.players)[:, None]).reshape(-1, *self.values.shape[1:])
                rows, absent = model.tensor(self.values[part.places]), model.tensor(part.absent)
                target = torch.as_tensor(self.target[part.places])
                found[part.places] = occlusion(network, rows, absent, windows, target, chunk=at_once(model)).values
        return found

    def integrated_gradients(self, steps: tuple[int, ...] = STEPS) -> Array:
        """Integrated gradients over the background rows, (n, players), with as many of `steps` points as completeness asks for."""
        model = smooth(self.subject)
        inputs, baselines = rows_and_baselines(self.subject, model, self.values, self.background)
        owner = entry_owner(self.subject, self.values)
        with model.session(gradients=True) as network:
            target = torch.as_tensor(self.target, device=inputs.device)
            found = gradients.integrated_gradients(network, inputs, baselines, target, steps=steps, chunk=at_once(model))
        return per_player(found.values, owner, self.players)

    def sensitivity(self, *, radius: float, draws: int) -> Array | None:
        """Max-sensitivity of integrated gradients with 8 points on each path, (n,); None where rows cannot be moved or nothing tells by how much."""
        model = smooth(self.subject)
        inputs, baselines = rows_and_baselines(self.subject, model, self.values, self.background)
        if inputs.shape != self.values.shape or not inputs.is_floating_point() or len(self.background) < 2:
            return None
        owner, target = entry_owner(self.subject, self.values), torch.as_tensor(self.target, device=inputs.device)
        spread = model.tensor(self.background).std(dim=0, unbiased=False)
        with model.session(gradients=True) as network:

            def explain(moved: torch.Tensor, origin: NDArray[np.int64]) -> Array:
                place = torch.as_tensor(origin, device=inputs.device)
                against = baselines[place] if baselines.ndim > inputs.ndim else baselines
                found = gradients.integrated_gradients(network, moved, against, target[place], steps=STEPS[:1], chunk=at_once(model))
                return per_player(found.values, owner[origin] if owner.ndim > 1 else owner, self.players)

            return max_sensitivity(explain, inputs, spread, streams=self.streams, radius=radius, draws=draws)
