"""Text to token ids: words, characters, or the pieces of a tokenizer file. Knows no network and no table."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from audit.errors import DataError, nearest

Kind = Literal["word", "character", "tokenizer"]
WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
"""Words, with apostrophes inside them, and single marks."""
LARGEST = 64 * 2**20
"""Bytes of a vocabulary or tokenizer file."""
LONGEST = 1_000_000
"""Characters of one text that are looked at."""


@dataclass(frozen=True)
class Tokeniser:
    """Cuts text into pieces and gives each its id."""

    kind: Kind
    cut: Callable[[str], Sequence[tuple[str, int]]]
    """Pieces of a text in order, each with its id."""
    pad: int
    absent: int
    """Id that stands where a piece is left out."""
    size: int
    """Number of ids."""
    digest: str
    """sha256 of the vocabulary or tokenizer file; hexadecimal."""

    def pieces(self, text: str, length: int, *, keep: Literal["start", "end"] = "start") -> list[tuple[str, int]]:
        """At most `length` pieces with their ids: those at the start, or at the end, of the text."""
        found = list(self.cut(text[:LONGEST] if keep == "start" else text[-LONGEST:]))
        return found[:length] if keep == "start" else found[-length:]


def open_tokeniser(path: Path, *, kind: Kind, lower: bool, pad: str, unknown: str, absent: str | None) -> Tokeniser:
    """The tokeniser of a vocabulary (.txt: one token a line, .json: a list, or an object of token to id) or of a tokenizer file (.json).

    `pad` fills short rows, `unknown` stands for pieces that are not in the vocabulary, `absent` (else `pad`) for pieces left out by an
    explanation. Raises DataError for a file that cannot be read and a special token that is not in it.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    if path.stat().st_size > LARGEST:
        raise DataError(f"{path}: {path.stat().st_size / 2**20:.0f} MiB; a vocabulary has at most {LARGEST / 2**20:.0f}")
    raw = path.read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    if kind == "tokenizer":
        cut, place, size = _tokenizer(path, raw)
    else:
        vocabulary = _vocabulary(path, raw)
        place, size = vocabulary, max(vocabulary.values()) + 1
        cut = _cutter(vocabulary, kind, lower, _special(path, vocabulary, unknown, "unknown"))
    own = _special(path, place, pad, "pad")
    return Tokeniser(kind, cut, own, own if absent is None else _special(path, place, absent, "absent"), size, digest)


def _special(path: Path, vocabulary: Mapping[str, int], token: str, key: str) -> int:
    if token not in vocabulary:
        raise DataError(f"{path}: data.text.{key} is {token!r}, which is no token of it: {nearest(token, list(vocabulary)[:50_000])}")
    return vocabulary[token]


def _cutter(vocabulary: Mapping[str, int], kind: Kind, lower: bool, unknown: int) -> Callable[[str], Sequence[tuple[str, int]]]:
    def cut(text: str) -> list[tuple[str, int]]:
        held = text.lower() if lower else text
        found = WORD.findall(held) if kind == "word" else list(held)
        return [(piece, vocabulary.get(piece, unknown)) for piece in found]

    return cut


def _vocabulary(path: Path, raw: bytes) -> dict[str, int]:
    try:
        text = raw.decode("utf-8")
        held: Any = json.loads(text) if path.suffix == ".json" else [line.rstrip("\r") for line in text.split("\n")]
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read as a vocabulary: {type(error).__name__}") from None
    if isinstance(held, list):
        held = held[:-1] if held and held[-1] == "" else held
        held = {token: place for place, token in enumerate(held)} if all(isinstance(token, str) for token in held) else None
    legal = isinstance(held, dict) and held and all(isinstance(value, int) and not isinstance(value, bool) and value >= 0 for value in held.values())
    if not legal:
        raise DataError(f"{path}: expected one token a line (.txt), a JSON list of tokens, or a JSON object of token to id (0 and above)")
    found: dict[str, int] = held
    return found


def _tokenizer(path: Path, raw: bytes) -> tuple[Callable[[str], Sequence[tuple[str, int]]], Mapping[str, int], int]:
    try:
        from tokenizers import Tokenizer  # noqa: PLC0415  an optional package
    except ImportError:
        raise DataError("reading a tokenizer file needs the package tokenizers: pip install 'netassay[text]'") from None
    try:
        held = Tokenizer.from_str(raw.decode("utf-8"))
    except Exception as error:  # noqa: BLE001  the library raises bare exceptions
        raise DataError(
            f"{path}: cannot be read as a tokenizer: {str(error).splitlines()[0][:200] if str(error) else type(error).__name__}"
        ) from None
    held.no_padding()
    held.no_truncation()

    def cut(text: str) -> list[tuple[str, int]]:
        found = held.encode(text)
        return list(zip(found.tokens, found.ids, strict=True))

    vocabulary: dict[str, int] = held.get_vocab()
    return cut, vocabulary, max(vocabulary.values(), default=0) + 1
