"""TOML text of strings, numbers and lists, and comments that hold any text on one line."""

from __future__ import annotations

import math
from collections.abc import Iterable

ESCAPES = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def quoted(text: str) -> str:
    """`text` as a basic string; everything that does not print is an escape, so that names from files show for what they are.

    >>> print(quoted('a"b'))
    "a\\"b"
    """
    return '"' + "".join(_escaped(character) for character in text) + '"'


def number(value: float) -> str:
    """A finite number, whole ones without a point.

    >>> number(3.0), number(0.25)
    ('3', '0.25')
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} has no place in an audit file")
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))


def listed(texts: Iterable[str]) -> str:
    """Strings as one array on one line."""
    return "[" + ", ".join(quoted(text) for text in texts) + "]"


def wrapped(texts: Iterable[str], *, width: int = 140) -> str:
    """Strings as an array over several lines where one line would be longer than `width`."""
    items = [f"{quoted(text)}," for text in texts]
    if sum(len(item) + 1 for item in items) <= width:
        return "[" + " ".join(items).rstrip(",") + "]"
    lines = [""]
    for item in items:
        if lines[-1] and len(lines[-1]) + 1 + len(item) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {item}".strip()
    return "[\n" + "".join(f"    {line}\n" for line in lines) + "]"


def comment(text: str) -> str:
    """`text` as one comment line; a line break in it is shown as an escape and cannot end the comment."""
    return "# " + "".join(character if character.isprintable() else _escaped(character) for character in text)


def shown(text: str, width: int = 60) -> str:
    """A name for use within a comment or a sentence: quoted, escaped and cut to `width`."""
    return quoted(text if len(text) <= width else text[: width - 1] + "…")


def _escaped(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
