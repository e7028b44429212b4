"""Pieces of a text (words, characters, parts of words) in one cell of a run, and the names of their places among the players."""

from __future__ import annotations

import re
from collections.abc import Sequence

SEPARATOR = "\x1f"
"""Between pieces in a cell: ASCII's own separator of units, which a piece itself cannot hold."""
UNITS = {"word": "word", "character": "character", "tokenizer": "piece"}
"""What a piece is called, by how the text is taken apart."""
_PLACE = re.compile(rf"(?:{'|'.join(UNITS.values())}) (\d+)$")


def joined(pieces: Sequence[str]) -> str:
    """The cell of some pieces."""
    return SEPARATOR.join(piece.replace(SEPARATOR, " ") for piece in pieces)


def split(cell: str) -> list[str]:
    """The pieces of a cell."""
    return cell.split(SEPARATOR) if cell else []


def place_of(player: str) -> int | None:
    """Place from 0 that a player such as ``word 3`` stands for; None for any other player."""
    found = _PLACE.search(player)
    return None if found is None else int(found[1]) - 1
