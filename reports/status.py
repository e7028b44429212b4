"""Statuses as they are shown: word, shape, colour class, and the sentence that explains each. Never a score."""

from __future__ import annotations

from dataclasses import dataclass

from audit.results import STATUSES, Status


@dataclass(frozen=True)
class StatusLook:
    """How one status is shown; `path` is drawn in a 16 by 16 box, filled or outlined in the text's colour."""

    status: Status
    word: str
    meaning: str
    path: str
    filled: bool


_LOOKS = (
    StatusLook(
        "outside", "Outside limit", "The number and its whole interval are beyond a limit that was fixed before the run.", "M8 1 15 8 8 15 1 8Z", True
    ),
    StatusLook(
        "error",
        "Error",
        "The check broke while it ran. It says nothing about the network. The technical trace is kept.",
        "M3 3 13 13M13 3 3 13",
        False,
    ),
    StatusLook(
        "attention",
        "Attention",
        "A person should look: a soft limit is crossed, few rows stand behind the number, or something weakens the measurement.",
        "M8 1.5 15 14 1 14Z",
        True,
    ),
    StatusLook(
        "inconclusive",
        "Inconclusive",
        "The interval lies on both sides of the limit. More rows are needed to tell.",
        "M8 2A6 6 0 0 0 8 14ZM8 2A6 6 0 0 1 8 14",
        False,
    ),
    StatusLook(
        "not_assessed", "Not assessed", "The question applies, but it could not be answered. The reason is given.", "M2.5 2.5H13.5V13.5H2.5Z", False
    ),
    StatusLook(
        "within",
        "Within limit",
        "The number and its whole interval lie inside the limit that was fixed before the run. It says no more than that.",
        "M8 2A6 6 0 1 0 8 14A6 6 0 1 0 8 2Z",
        True,
    ),
    StatusLook(
        "informative",
        "Informative",
        "Measured, but nobody declared a limit to hold it against.",
        "M8 2A6 6 0 1 0 8 14A6 6 0 1 0 8 2ZM8 7V11.5M8 4.5V5.2",
        False,
    ),
    StatusLook(
        "not_applicable", "Not applicable", "The question has no meaning for this network or this data. The reason is given.", "M3 8H13", False
    ),
)
LOOKS = {look.status: look for look in _LOOKS}
"""The look of each status, in no particular order; `STATUSES` holds the order."""

PROBE_STATUS = {"measured": "measured", "not_assessed": "not assessed", "not_applicable": "not applicable", "error": "error"}
"""Words for what became of an instrument."""


def legend() -> list[StatusLook]:
    """All looks, gravest first."""
    return [LOOKS[status] for status in STATUSES]


def gravity(status: Status) -> int:
    """Rank of a status, 0 for the gravest."""
    return STATUSES.index(status)
