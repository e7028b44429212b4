"""Deep links: query parameters in, legal choices out. A parameter is looked up in a list and never becomes a path."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from reports.visible import short


@dataclass(frozen=True)
class Choice:
    """What a link asks for, as far as it exists."""

    value: str | None
    """The legal choice; None when the link names none, or one that does not exist."""
    problem: str = ""
    """What the link asks for in vain, as a sentence; empty otherwise."""


def chosen(parameters: Mapping[str, str], key: str, legal: Iterable[str]) -> Choice:
    """The choice `parameters[key]` if it is one of `legal`."""
    asked = parameters.get(key)
    if asked is None or asked == "":
        return Choice(None)
    if asked in set(legal):
        return Choice(asked)
    return Choice(None, f"The link names the {key} “{short(asked, 60)}”, which does not exist here.")


def chosen_row(parameters: Mapping[str, str], positions: Container[int]) -> Choice:
    """The row a link asks for, by its position in the evaluation data, as plain digits."""
    asked = parameters.get("row")
    if asked is None or asked == "":
        return Choice(None)
    if asked.isascii() and asked.isdigit() and len(asked) < 16 and int(asked) in positions:
        return Choice(str(int(asked)))
    return Choice(None, f"The link names the row “{short(asked, 60)}”, which does not exist in this run.")


def chosen_values(asked: Sequence[str], key: str, legal: Sequence[str]) -> tuple[list[str], list[str]]:
    """The values a link asks for that are legal, each once in the order of `legal`; and a sentence for each that is not."""
    known = set(legal)
    problems = [f"The link names the {short(key, 60)} “{short(value, 60)}”, which does not exist here." for value in asked if value not in known]
    return [value for value in legal if value in set(asked)], problems


def parameters(**asked: str | int | None) -> dict[str, str]:
    """Query parameters of a link, those that are None left out."""
    return {key: str(value) for key, value in asked.items() if value is not None}
