"""Pieces of a text (words, characters, parts of words) in one cell of a run, and the names of their places among the players."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

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


def place_in(player: str, texts: Collection[str]) -> tuple[str, int] | None:
    """The text, by name, and the place in it from 0 that a player stands for: ``word 3`` of the only text, ``note word 3`` of the text note."""
    found = _PLACE.search(player)
    if found is None:
        return None
    before = player[: found.start()].removesuffix(" ")
    if not before and len(texts) == 1:
        return next(iter(texts)), int(found[1]) - 1
    return (before, int(found[1]) - 1) if before in texts else None
