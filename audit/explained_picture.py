"""One explained row as a chart: an image, a series or a text, with what is attributed to each of its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.chart_kinds import ImageOverlay, SeriesStrip, TextHighlight
from audit.pieces import place_in

Shape = Mapping[str, Sequence[Any]]
"""The table ``shape`` of `data.shown_inputs`."""


def drawn_row(
    title: str, values: NDArray[Any], owner: NDArray[np.integer[Any]], attributions: NDArray[Any], *, shape: Shape, channels: Shape | None = None
) -> list[ImageOverlay | SeriesStrip]:
    """The images and series of a row, its `values` (places,) with the attribution (players,) of the player that owns each place.

    A player's attribution stands on all of its places, so a large player looks as strong as a small one with the same attribution. `channels`
    is the table ``channels`` of the same probe. Tables of a single input need not name it.
    """
    names = [str(name) for name in shape.get("name", [""] * len(shape["kind"]))]
    told = {} if channels is None else {"": [str(name) for name in channels["name"]]}
    if channels is not None and "input" in channels:
        told = {of: [str(one) for one, own in zip(channels["name"], channels["input"], strict=True) if own == of] for of in channels["input"]}
    shares = np.nan_to_num(np.asarray(attributions, dtype=np.float64))[np.asarray(owner, dtype=np.int64)]
    found: list[ImageOverlay | SeriesStrip] = []
    start = begin = 0
    for at, (name, kind) in enumerate(zip(names, shape["kind"], strict=True)):
        height, width, depth = (int(shape[key][at]) for key in ("height", "width", "channels"))
        own, over = values[start : start + height * width * depth], shares[begin : begin + height * width].reshape(height, width).tolist()
        start, begin = start + height * width * depth, begin + height * width
        heading = f"{title}: {name}" if name else title
        if str(kind) == "series":
            lines = [[float(value) if np.isfinite(value) else None for value in line] for line in own.reshape(height, width)]
            found.append(SeriesStrip(title=heading, channels=tuple(told.get(name, ())), values=lines, attributions=over))
        else:
            pixels = np.nan_to_num(np.asarray(own, dtype=np.float64)).reshape(height, width, depth)
            found.append(ImageOverlay(title=heading, image=pixels.tolist() if depth == 3 else pixels.mean(axis=2).tolist(), overlay=over))
    return found


def drawn_texts(title: str, texts: Mapping[str, Sequence[str]], players: Sequence[str], attributions: NDArray[Any]) -> list[TextHighlight]:
    """The row's `texts` in pieces, by name, with the attribution (players,) of the player of each place; 0 for a piece that is no player."""
    of_place = {held: at for at, player in enumerate(players) if (held := place_in(player, texts)) is not None}
    shares, alone = np.nan_to_num(np.asarray(attributions, dtype=np.float64)), len(texts) == 1 and len(of_place) == len(players)
    return [
        TextHighlight(
            title=title if alone else f"{title}: {name}",
            pieces=tuple(pieces),
            values=[float(shares[of_place[name, at]]) if (name, at) in of_place else 0.0 for at in range(len(pieces))],
        )
        for name, pieces in texts.items()
        if pieces
    ]
