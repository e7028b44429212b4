"""The legal neighbourhood of each row: bounds, a radius per entry, whole steps, and entries that hold one of several codes.

Distances and scales are in units of the radius: scale 1 allows each entry its own radius. Changing a code costs a fixed number of units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

GRID = 1e-3
"""Share of a whole step by which float32 may miss it."""
SLACK = 1e-5
"""Share of the entry's range, or of the radius, by which a legal value may lie outside in float32."""


@dataclass(frozen=True)
class Choice:
    """Entries that together hold one of `codes` (levels, width), such as a one-hot group; `free` (m,) bool says which rows may change it."""

    entries: Tensor
    codes: Tensor
    free: Tensor


@dataclass(frozen=True)
class Neighbourhood:
    """Around `start` (m, d): `low`, `high` and `radius` (m, d); entries of radius 0 stay. `step` (d,) is 0 for continuous entries.

    Entries of a choice are ruled by their codes only; a choice may change from scale `cost` upwards.
    """

    start: Tensor
    low: Tensor
    high: Tensor
    radius: Tensor
    step: Tensor
    choices: tuple[Choice, ...] = ()
    cost: float = 1.0

    def rows(self, index: Tensor) -> Neighbourhood:
        """The neighbourhoods of some rows, by mask or positions."""
        return replace(
            self,
            start=self.start[index],
            low=self.low[index],
            high=self.high[index],
            radius=self.radius[index],
            choices=tuple(replace(choice, free=choice.free[index]) for choice in self.choices),
        )

    def ball(self, scale: Tensor) -> Ball:
        """The values allowed at a `scale` (m,) per row."""
        reach = self.radius * scale[:, None]
        whole = self.step > 0
        if bool(whole.any()):
            steps = torch.floor(reach / self.step.clamp_min(torch.finfo(reach.dtype).tiny) + GRID)
            reach = torch.where(whole, steps * self.step, reach)
        lower = torch.maximum(self.start - reach, self.low)
        upper = torch.minimum(self.start + reach, self.high)
        free = scale >= self.cost * (1 - SLACK)
        choices = tuple(replace(choice, free=choice.free & free) for choice in self.choices) if bool(free.any()) else ()
        for choice in self.choices:
            lower[:, choice.entries] = upper[:, choice.entries] = self.start[:, choice.entries]
        for choice in choices:
            codes = choice.codes
            lower[:, choice.entries] = torch.where(choice.free[:, None], codes.amin(dim=0), self.start[:, choice.entries])
            upper[:, choice.entries] = torch.where(choice.free[:, None], codes.amax(dim=0), self.start[:, choice.entries])
        return Ball(self.start, lower, upper, self.step, choices, bool(whole.any()))

    def distance(self, values: Tensor) -> Tensor:
        """Largest change of any entry in units of its radius, (m,); infinite when an entry of radius 0 changed."""
        change = (values - self.start).abs()
        units = torch.where(change > 0, change / self.radius, torch.zeros_like(change))
        for choice in self.choices:
            units[:, choice.entries] = torch.where(change[:, choice.entries] > 0, self.cost, 0.0)
        return units.amax(dim=1) if units.shape[1] else units.sum(dim=1)

    def legal(self, values: Tensor, scale: Tensor) -> Tensor:
        """Whether each row of `values` lies in the neighbourhood at `scale`, on the grid, on codes, and fixed entries unchanged, (m,) bool."""
        ball = self.ball(scale)
        slack = SLACK * torch.maximum(self.start.abs(), ball.upper - ball.lower).clamp_min(SLACK)
        fine = ((values >= ball.lower - slack) & (values <= ball.upper + slack)).all(dim=1) & torch.isfinite(values).all(dim=1)
        fine &= ((values == self.start) | (ball.upper > ball.lower)).all(dim=1)
        steps = (values - self.start) / torch.where(self.step > 0, self.step, torch.ones_like(self.step))
        fine &= ((self.step == 0) | ((steps - steps.round()).abs() <= GRID)).all(dim=1)
        for choice in self.choices:
            found = values[:, choice.entries]
            coded = (found[:, None, :] == choice.codes).all(dim=2).any(dim=1)
            fine &= coded | (found == self.start[:, choice.entries]).all(dim=1)
        return fine


@dataclass(frozen=True)
class Ball:
    """Values allowed at one scale: `lower` and `upper` (m, d), and what must be rounded."""

    start: Tensor
    lower: Tensor
    upper: Tensor
    step: Tensor
    choices: tuple[Choice, ...]
    stepped: bool

    @property
    def discrete(self) -> bool:
        """Whether some values must be rounded."""
        return self.stepped or bool(self.choices)

    def clamp(self, values: Tensor) -> Tensor:
        """The nearest values within the bounds, not yet rounded."""
        return torch.clamp(values, self.lower, self.upper)

    def clamp_(self, values: Tensor) -> Tensor:
        """`clamp` in place."""
        return torch.clamp_(values, self.lower, self.upper)

    def round(self, values: Tensor) -> Tensor:
        """Legal values: whole steps toward the start, the nearest code (for a one-hot group the largest entry)."""
        if not self.discrete:
            return values
        made = self._whole(values) if self.stepped else values.clone()
        for choice in self.choices:
            made[:, choice.entries] = self._coded(made[:, choice.entries], choice)
        return made

    def rows(self, index: Tensor) -> Ball:
        """The bounds of some rows, by mask or positions."""
        choices = tuple(replace(choice, free=choice.free[index]) for choice in self.choices)
        return replace(self, start=self.start[index], lower=self.lower[index], upper=self.upper[index], choices=choices)

    def _whole(self, values: Tensor) -> Tensor:
        change = values - self.start
        safe = torch.where(self.step > 0, self.step, torch.ones_like(self.step))
        steps = torch.trunc(change / safe + GRID * change.sign())
        return torch.where(self.step > 0, self.start + steps * self.step, values)

    def _coded(self, values: Tensor, choice: Choice) -> Tensor:
        nearest = (values[:, None, :] - choice.codes).square().sum(dim=2).argmin(dim=1)
        return torch.where(choice.free[:, None], choice.codes[nearest], self.start[:, choice.entries])


def neighbourhood(
    start: Tensor,
    *,
    low: Tensor,
    high: Tensor,
    radius: Tensor,
    mutable: Tensor,
    step: Tensor | None = None,
    choices: Sequence[tuple[Sequence[int], Tensor]] = (),
    cost: float = 1.0,
) -> Neighbourhood:
    """Neighbourhoods of `start` (m, d) from bounds, radii and a mask that are (d,) or (m, d), and choices as (entries, codes).

    A row that starts outside the bounds keeps its value as a legal one. A choice is free where all of its entries are mutable and the
    row starts on one of its codes.
    """
    allowed = mutable.expand_as(start)
    held = []
    for entries, codes in choices:
        index = torch.as_tensor(entries, dtype=torch.int64, device=start.device)
        known = (start[:, index][:, None, :] == codes).all(dim=2).any(dim=1)
        held.append(Choice(index, codes, known & allowed[:, index].all(dim=1)))
    return Neighbourhood(
        start=start,
        low=torch.minimum(low.expand_as(start), start),
        high=torch.maximum(high.expand_as(start), start),
        radius=torch.where(allowed, radius.expand_as(start), torch.zeros_like(start)),
        step=torch.zeros_like(start[0]) if step is None else step,
        choices=tuple(held),
        cost=cost,
    )
