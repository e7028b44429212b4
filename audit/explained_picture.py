"""One explained row as a chart: an image, a series or a text, with what is attributed to each of its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import ImageOverlay, SeriesStrip, TextHighlight
from audit.pieces import place_of

Shape = Mapping[str, Sequence[Any]]
"""The table ``shape`` of `data.shown_inputs`."""


def drawn_row(
    title: str, values: NDArray[Any], owner: NDArray[np.integer[Any]], attributions: NDArray[Any], *, shape: Shape, channels: Sequence[str] = ()
) -> ImageOverlay | SeriesStrip:
    """The row's `values` (places,) with the attribution (players,) of the player that owns each place.

    A player's attribution stands on all of its places, so a large player looks as strong as a small one with the same attribution.
    """
    height, width, depth = (int(shape[key][0]) for key in ("height", "width", "channels"))
    shares = np.nan_to_num(np.asarray(attributions, dtype=np.float64))[np.asarray(owner, dtype=np.int64)].reshape(height, width)
    if str(shape["kind"][0]) == "series":
        lines = [[float(value) if np.isfinite(value) else None for value in line] for line in values.reshape(height, width)]
        return SeriesStrip(title=title, channels=tuple(channels), values=lines, attributions=shares.tolist())
    pixels = np.nan_to_num(np.asarray(values, dtype=np.float64)).reshape(height, width, depth)
    image = pixels.tolist() if depth == 3 else pixels.mean(axis=2).tolist()
    return ImageOverlay(title=title, image=image, overlay=shares.tolist())


def drawn_text(title: str, pieces: Sequence[str], players: Sequence[str], attributions: NDArray[Any]) -> TextHighlight:
    """The row's pieces with the attribution (players,) of the player of each place; 0 for a piece that is no player."""
    of_place = {place: at for at, name in enumerate(players) if (place := place_of(name)) is not None}
    shares = np.nan_to_num(np.asarray(attributions, dtype=np.float64))
    return TextHighlight(
        title=title, pieces=tuple(pieces), values=[float(shares[of_place[at]]) if at in of_place else 0.0 for at in range(len(pieces))]
    )
