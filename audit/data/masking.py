"""`Masker`: rows in which some players are present and the others are taken from background rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.batch import Players
from audit.errors import MethodError


@dataclass(frozen=True)
class Masker:
    """Composes encoded leaves for coalitions of players."""

    players: Players

    def entries(self, coalitions: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which entries of the flattened leaf are present, (c, entries), for coalitions (c, players)."""
        return np.asarray(coalitions, dtype=bool)[:, self.players.owner]

    def masked(self, values: NDArray[Any], background: NDArray[Any], coalitions: NDArray[np.bool_]) -> NDArray[Any]:
        """Every row in every coalition over every background row, (n, c, m, …).

        `values` (n, …) gives the entries of present players, `background` (m, …) those of absent ones; `coalitions` is (c, players).
        Keeps the dtype of `values`. Raises MethodError when the shapes do not belong together.
        """
        if values.shape[1:] != background.shape[1:] or np.prod(values.shape[1:], dtype=int) != len(self.players.owner):
            raise MethodError(f"rows {values.shape[1:]}, background {background.shape[1:]} and {len(self.players.owner)} owned entries differ")
        if coalitions.ndim != 2 or coalitions.shape[1] != len(self.players.names):
            raise MethodError(f"coalitions {coalitions.shape} are not (coalitions, {len(self.players.names)} players)")
        shape = values.shape[1:]
        present = self.entries(coalitions).reshape(1, len(coalitions), 1, *shape)
        composed = np.where(present, values[:, None, None], background[None, None])
        return composed.astype(values.dtype, copy=False)
