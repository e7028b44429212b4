"""Names that would be shown as one, told apart."""

from __future__ import annotations

from collections.abc import Sequence


def distinct(names: Sequence[str]) -> list[str]:
    """The names, repeated ones told apart by a number; no two of the result are equal."""
    told: list[str] = []
    taken: set[str] = set()
    last: dict[str, int] = {}
    for name in names:
        shown, number = name, last.get(name, 1)
        while shown in taken:
            number += 1
            shown = f"{name} ({number})"
        last[name] = number
        taken.add(shown)
        told.append(shown)
    return told
