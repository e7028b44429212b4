"""Reads the page of a check out of its docstring: a question, then four headed sections."""

from __future__ import annotations

import re

from audit.results import Card

SECTIONS = ("Why it matters", "How to read it", "What it cannot show", "References")


def parse_card(text: str, where: str) -> Card:
    """The page in `text`; raises TypeError that names the missing section.

    The first paragraph is the question and ends with a question mark. Each section is its heading on a line of its own, ended by a
    colon, followed by indented or plain paragraphs. References are one per line.
    """
    headings = "|".join(re.escape(section) for section in SECTIONS)
    parts = re.split(rf"^({headings}):?\s*$", text, flags=re.MULTILINE)
    question = _paragraphs(parts[0])
    if not question.endswith("?"):
        raise TypeError(f"{where}: the docstring must begin with a question; found {question[:60]!r}")
    bodies = dict(zip(parts[1::2], parts[2::2], strict=True))
    missing = [section for section in SECTIONS if not bodies.get(section, "").strip()]
    if missing:
        raise TypeError(f"{where}: the docstring lacks {', '.join(missing)}")
    return Card(
        question=question,
        why=_paragraphs(bodies["Why it matters"]),
        how_to_read=_paragraphs(bodies["How to read it"]),
        cannot_show=_paragraphs(bodies["What it cannot show"]),
        references=tuple(line.strip(" -") for line in bodies["References"].splitlines() if line.strip()),
    )


def _paragraphs(text: str) -> str:
    blocks = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(line.strip() for line in block.splitlines()) for block in blocks)
