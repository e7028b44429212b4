"""Text for terminals: names from files cannot drive the screen."""

from __future__ import annotations


def printable(text: str) -> str:
    """`text` with control characters (but line breaks) shown as escapes."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
