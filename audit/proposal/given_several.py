"""Rows for a network with several inputs: a table of which a column names images, one holds texts, and others are columns of numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from audit.data.protected_names import words_of
from audit.proposal.toml_text import comment, quoted, shown, wrapped

WORDS = {
    "image": frozenset({"image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "pixel", "pixels", "frame", "scan", "xray"}),
    "text": frozenset({"text", "texts", "token", "tokens", "ids", "words", "word", "note", "notes", "sentence", "document", "review", "comment"}),
    "columns": frozenset({"column", "columns", "table", "tabular", "features", "numeric", "numbers", "meta", "metadata", "form", "fields"}),
}


@dataclass(frozen=True, kw_only=True)
class Given:
    """One input of the network and how it is read."""

    name: str
    kind: str
    """image, text or columns."""
    lines: tuple[str, ...]
    """The table of an image or text, under its own heading; empty for columns."""
    why: str

    def section(self, inputs: Sequence[str]) -> list[str]:
        """Lines of the audit file; `inputs` are the columns of the table that are given as numbers."""
        named = [] if self.kind != "columns" else [f"inputs = {wrapped(inputs)}"]
        key = self.name if self.name.isascii() else quoted(self.name)
        head = f"[data.parts.{key}" + ("]" if self.kind == "columns" else f".{self.kind}]")
        return [comment(f"guess: {self.why}. Check: the order the network takes its inputs in"), head, *named, *self.lines[1:]]


def chosen_inputs(takes: Sequence[str], may_take: Sequence[str], kinds: Sequence[str]) -> tuple[str, ...]:
    """The inputs that are given something, where `kinds` (of image and text) were found: with columns, unless without them all have theirs."""
    every = (*takes, *may_take)
    with_columns = len(kinds) < len(takes) or any(_suits(name, "columns") for name in takes)
    return tuple(every[: max(len(takes), len(kinds) + with_columns)])


def orders(takes: Sequence[str], found: dict[str, tuple[str, ...]]) -> list[tuple[Given, ...]]:
    """Ways to give the kinds found (their lines, by kind) to the inputs `takes`, of which there are no more; those that suit the names come first."""
    ways = sorted(permutations(found, len(takes)), key=lambda kinds: -sum(_suits(name, kind) for name, kind in zip(takes, kinds, strict=True)))
    return [tuple(_given(name, kind, found[kind]) for name, kind in zip(takes, kinds, strict=True)) for kinds in ways]


def tried(order: Sequence[Given]) -> tuple[Given, ...]:
    """The same, told as the order in which the network could be called."""
    return tuple(replace(one, why=f"{one.why}; in this order the network answers") for one in order)


def _given(name: str, kind: str, lines: tuple[str, ...]) -> Given:
    why = "it is named like it" if _suits(name, kind) else "its name does not say what it takes"
    return Given(name=name, kind=kind, lines=lines, why=f"the input {shown(name)} takes the {kind}: {why}")


def _suits(name: str, kind: str) -> bool:
    return bool((words_of(name) | set(re.findall("[a-z]+", name.lower()))) & WORDS[kind])
