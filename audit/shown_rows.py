"""`ShownRows`: rows of a run whose images or series were kept to be drawn, for the checks that draw them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import ImageOverlay, SeriesStrip
from audit.explained_picture import drawn_row
from audit.rows import Rows

SHOWN = "data.shown_inputs"


@dataclass(frozen=True)
class ShownRows:
    """What `data.shown_inputs` kept, by position of the row."""

    place: Mapping[int, int]
    values: NDArray[np.float32]
    """(rows, places)."""
    owner: NDArray[np.int64]
    """(rows, places), the player of each place."""
    shape: Mapping[str, Sequence[Any]]
    channels: tuple[str, ...]

    def picture(self, title: str, position: int, attributions: NDArray[np.float64] | None = None) -> ImageOverlay | SeriesStrip:
        """The row under `attributions` (players,); bare where there are none.

        Raises KeyError for a position that is not in `place`.
        """
        at = self.place[position]
        shares = np.zeros(int(self.owner[at].max()) + 1) if attributions is None else attributions
        picture = drawn_row(title, self.values[at], self.owner[at], shares, shape=self.shape, channels=self.channels)
        return replace(picture, overlay=()) if attributions is None and isinstance(picture, ImageOverlay) else picture


def shown_rows(rows: Rows) -> ShownRows | None:
    """The rows that can be drawn; None when the run kept none."""
    if not rows.has(f"{SHOWN}.values"):
        return None
    held = rows.within(SHOWN)
    shape = {name: column.tolist() for name, column in held.table(SHOWN, "shape").items()}
    channels = tuple(str(name) for name in held.table(SHOWN, "channels")["name"]) if shape["kind"] == ["series"] else ()
    place = {int(position): at for at, position in enumerate(held.positions)}
    return ShownRows(place, held.column(f"{SHOWN}.values"), held.column(f"{SHOWN}.owner"), shape, channels)
