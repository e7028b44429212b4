"""Column names that sound like protected attributes; a name is a hint to ask a person, never a verdict."""

from __future__ import annotations

import re

PROTECTED = frozenset(
    (
        *("sex", "gender", "race", "ethnicity", "ethnic", "age", "birth", "dob", "religion", "religious", "caste", "skin"),
        *("disability", "disabled", "nationality", "citizenship", "immigrant", "origin", "marital", "pregnant", "pregnancy"),
        *("veteran", "orientation"),
    )
)


def words_of(name: str) -> set[str]:
    """Lower-case words of a column name: ``patientID`` and ``patient_id`` are both {patient, id}."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\da-zA-Z_]+", name)}


def is_protected(name: str) -> bool:
    """Whether a name is like that of a protected attribute."""
    return bool(words_of(name) & PROTECTED)
