"""Text of strangers made visible: control and direction marks become signs a reader can see, long names are shortened and say so."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset([1564, 8203, 8206, 8207, 8232, 8233, 65279, *range(8234, 8239), *range(8288, 8304), *range(65529, 65532), *range(917504, 917632)])
"""Code points that change the direction or the look of a text without being seen; joiners that scripts need are not among them."""


def visible(text: str) -> str:
    """`text` with every control, direction, surrogate or unassigned-for-ever code point replaced by a visible sign; new lines and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_sign(character) for character in text)


def short(text: str, length: int = 80) -> str:
    """`text` made visible and cut after `length` characters; a cut names the full number of characters."""
    shown = visible(text)
    return shown if len(shown) <= length else f"{shown[:length]}… ({len(text):,} characters)"


def label(text: str, length: int = 26) -> str:
    """`text` on one line for a chart, cut with an ellipsis; the table under the chart shows more of it."""
    shown = " ".join(visible(text[: length * 4]).split())
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


def _sign(character: str) -> str:
    code = ord(character)
    if character in "\n\t":
        return character
    if code < 0x20:
        return chr(0x2400 + code)
    category = unicodedata.category(character)
    if code in _HIDDEN or category in ("Cc", "Cs") or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
        return f"[U+{code:04X}]"
    return character
