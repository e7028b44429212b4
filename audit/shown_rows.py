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
    channels: Mapping[str, Sequence[Any]] | None

    def pictures(self, title: str, position: int, attributions: NDArray[np.float64] | None = None) -> list[ImageOverlay | SeriesStrip]:
        """The images and series of the row under `attributions` (players,); bare where there are none.

        Raises KeyError for a position that is not in `place`.
        """
        at = self.place[position]
        shares = np.zeros(int(self.owner[at].max()) + 1) if attributions is None else attributions
        found = drawn_row(title, self.values[at], self.owner[at], shares, shape=self.shape, channels=self.channels)
        if attributions is not None:
            return found
        return [replace(picture, overlay=()) if isinstance(picture, ImageOverlay) else picture for picture in found]


def shown_rows(rows: Rows) -> ShownRows | None:
    """The rows that can be drawn; None when the run kept none."""
    if not rows.has(f"{SHOWN}.values"):
        return None
    held = rows.within(SHOWN)
    shape, channels = (
        {name: column.tolist() for name, column in held.table(SHOWN, name_of).items()} if held.has_table(SHOWN, name_of) else None
        for name_of in ("shape", "channels")
    )
    if shape is None:
        return None
    place = {int(position): at for at, position in enumerate(held.positions)}
    return ShownRows(place, held.column(f"{SHOWN}.values"), held.column(f"{SHOWN}.owner"), shape, channels)
