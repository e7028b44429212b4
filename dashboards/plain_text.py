"""Text of strangers inside Streamlit's markdown: every sign that would mean something there is taken back to a plain sign."""

from __future__ import annotations

import re

from reports.visible import short

_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$~:&=^@/\"'])")
_JOINER = "\u2060"
_LINKS = re.compile(r"(?<=:)(?=\S)|(?<=@)(?=\S)|(?<=www)(?=\.)", re.IGNORECASE)
"""Places where a word joiner keeps Streamlit from making an address, an emoji or a directive of the text."""


def escaped(text: str, length: int = 160) -> str:
    """`text` on one line, shortened, such that markdown shows it as it is: no emphasis, link, picture, formula, emoji or directive."""
    shown = " ".join(short(text, length).split())
    return _SIGNS.sub(r"\\\1", _LINKS.sub(_JOINER, shown))
