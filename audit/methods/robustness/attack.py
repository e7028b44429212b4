"""`Attack`: what an attack came to, row by row, and how several are taken together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from audit.methods.robustness.neighbourhood import Neighbourhood


@dataclass(frozen=True)
class Attack:
    """`adversarial` (m, d), the start where none was `found` (m,) bool; `queries` (m,) int64 forward passes per row."""

    adversarial: Tensor
    found: Tensor
    queries: Tensor

    @classmethod
    def none(cls, start: Tensor) -> Attack:
        """Nothing found and nothing asked yet."""
        return cls(start.clone(), start.new_zeros(len(start), dtype=torch.bool), start.new_zeros(len(start), dtype=torch.int64))

    def note(self, rows: Tensor, won: Tensor, points: Tensor, queries: int = 1) -> None:
        """Keep the points (r, d) that `won` (r,) among `rows` (r,), for which `queries` passes each were spent."""
        self.queries[rows] += queries
        self.adversarial[rows[won]] = points[won]
        self.found[rows[won]] = True

    def put(self, rows: Tensor, other: Attack) -> None:
        """Take over what another attack found on `rows`."""
        self.queries[rows] += other.queries
        self.adversarial[rows] = torch.where(other.found[:, None], other.adversarial, self.adversarial[rows])
        self.found[rows] |= other.found


def nearest(attacks: Sequence[Attack], space: Neighbourhood) -> Attack:
    """Pointwise worst case: of all that was found for a row the change that is smallest in units of the radius."""
    total = Attack.none(space.start)
    closest = torch.full_like(space.start[:, 0], torch.inf)
    for attack in attacks:
        away = torch.where(attack.found, space.distance(attack.adversarial), torch.inf)
        nearer = away < closest
        closest = torch.minimum(closest, away)
        total.adversarial[nearer] = attack.adversarial[nearer]
        total.found.logical_or_(attack.found)
        total.queries.add_(attack.queries)
    return total
