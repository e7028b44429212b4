"""Whether two texts look like spellings of one another; a likeness is a hint to ask a person, never a correction."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

SHORTEST = 4
"""Letters that the longer of two words needs, so that one different letter can be a slip."""
MOST_COMPARED = 500
"""Texts beyond which only those that fold to the same are found: pairs grow with the square."""

UNKNOWN_WORDS = frozenset(
    (
        *("?", "??", "-", "--", "n/a", "n.a.", "#n/a", "nan", "null", "unknown", "unkown", "undefined", "unspecified", "undisclosed"),
        *("missing", "not available", "not applicable", "not known", "not specified", "not stated", "not reported", "not provided", "no answer"),
    )
)
"""Texts, in lower case, that usually say that nothing is known; a person may mean otherwise."""


@dataclass(frozen=True)
class Alike:
    """Two texts that look alike, and why: ``typography`` (case, spaces, accents, punctuation) or ``letters`` (one per word at most)."""

    first: str
    second: str
    why: str


def folded(text: str) -> str:
    """The text without case, accents, spaces, and such punctuation as carries no meaning; ``+``, ``<``, ``≥`` and a last dash stay."""
    return "".join(_words(text))


def look_alike(first: str, second: str) -> str:
    """``typography``, ``letters`` or, for texts that do not look alike, nothing.

    Numbers never look alike, nor do texts whose digits differ. Different letters are a slip when each word is at most one edit (Damerau
    1964, doi:10.1145/363958.363994) away from its counterpart, the longer of both has four letters or more, and both begin alike.
    """
    if _is_number(first) or _is_number(second) or re.findall(r"\d+", first) != re.findall(r"\d+", second):
        return ""
    one, two = _words(first), _words(second)
    if "".join(one) == "".join(two):
        return "typography" if one and first != second else ""
    near = len(one) == len(two) and all(map(_near, one, two))
    return "letters" if near else ""


def reads_as_unknown(text: str) -> bool:
    """Whether a text is blank or a common word for a missing value."""
    plain = " ".join(text.casefold().split())
    return not plain or plain in UNKNOWN_WORDS


def alike_pairs(texts: Sequence[str]) -> tuple[Alike, ...]:
    """All pairs of different `texts` that look alike; of more than `MOST_COMPARED` only those that differ by typography."""
    folds, starts = defaultdict(list), defaultdict(list)
    for text in texts:
        folds[folded(text)].append(text)
        starts["".join(word[0] for word in _words(text))].append(text)
    near = starts.values() if len(texts) <= MOST_COMPARED else ()
    pairs = dict.fromkeys(pair for group in [*folds.values(), *near] for pair in combinations(group, 2))
    return tuple(Alike(*pair, why) for pair in pairs if (why := look_alike(*pair)))


def _words(text: str) -> list[str]:
    plain = "".join(mark for mark in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(mark))
    parted = re.sub(r"(?<=\w)\s*[-‐‑–—]\s*(?=\w)|[\s._,;:'’`\"()/\\]+", " ", plain)
    return parted.split()


def _near(one: str, two: str) -> bool:
    return one == two or (one[0] == two[0] and max(len(one), len(two)) >= SHORTEST and one.isalpha() and two.isalpha() and _one_edit(one, two))


def _one_edit(one: str, two: str) -> bool:
    """Whether a letter was left out, added, replaced, or swapped with its neighbour."""
    short, long = sorted((one, two), key=len)
    start = next((place for place, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(long) - len(short) == 1:
        return short[start:] == long[start + 1 :]
    swapped = short[start : start + 2] == long[start : start + 2][::-1]
    return len(long) == len(short) and (short[start + 1 :] == long[start + 1 :] or (swapped and short[start + 2 :] == long[start + 2 :]))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
