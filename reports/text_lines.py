"""Pieces of a text in lines of a given width, as places to draw them at. Widths are estimates: no font is asked."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from reports.visible import label

LETTER, PADDING, GAP = 7.4, 8.0, 3.0
"""Pixels of a letter, of the space around a piece and between pieces."""
LONGEST = 40
MOST_LINES = 40


@dataclass(frozen=True)
class Place:
    """Where a piece stands: its line from 0, pixels from the left, its width, and what is written."""

    line: int
    start: float
    width: float
    text: str


def laid_out(pieces: Sequence[str], width: float) -> list[Place]:
    """Places of the first pieces, in order, as many as fit into `MOST_LINES` lines; one too wide for the rest of a line begins the next."""
    found: list[Place] = []
    line, start = 0, 0.0
    for piece in pieces:
        text = label(piece, LONGEST)
        wide = min(width, LETTER * max(1, sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)) + PADDING)
        if start and start + wide > width:
            line, start = line + 1, 0.0
        if line >= MOST_LINES:
            break
        found.append(Place(line, start, wide, text))
        start += wide + GAP
    return found
