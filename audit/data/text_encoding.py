"""`TextEncoder`: one column of text to token ids; the players are the places of the pieces."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit.data.batch import Batch, Players
from audit.data.dataset import RowBlock
from audit.data.leaf import Tokens
from audit.data.tokens import Tokeniser
from audit.errors import DataError
from audit.pieces import UNITS


@dataclass(frozen=True)
class TextEncoder:
    """The first (or last) `length` pieces of each text as ids (n, length) int64, filled up with padding."""

    column: str
    tokeniser: Tokeniser
    length: int
    keep: Literal["start", "end"]
    mask: bool
    lengths: bool

    @property
    def arguments(self) -> Tokens:
        """What the network is called with."""
        return Tokens(self.tokeniser.pad, self.mask, self.lengths)

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of the leaf."""
        word = UNITS[self.tokeniser.kind]
        return tuple(f"{word} {place + 1}" for place in range(self.length))

    @property
    def players(self) -> Players:
        """One player per place; which piece stands there differs from row to row."""
        return Players(self.entries, np.arange(self.length, dtype=np.int64))

    @property
    def description(self) -> dict[str, Any]:
        """Plain data for the run."""
        return {
            "kind": "text", "column": self.column, "tokenise": self.tokeniser.kind, "vocabulary": self.tokeniser.digest,
            "ids": self.tokeniser.size, "length": self.length, "keep": self.keep, "pad": self.tokeniser.pad, "absent": self.tokeniser.absent,
            "mask": self.mask, "lengths": self.lengths,
        }  # fmt: skip

    @property
    def digest(self) -> str:
        """sha256 of the description; hexadecimal."""
        return hashlib.sha256(json.dumps(self.description, sort_keys=True).encode()).hexdigest()

    def pieces(self, text: str | None) -> list[str]:
        """The pieces of one text that the network is given."""
        return [piece for piece, _ in self.tokeniser.pieces(text or "", self.length, keep=self.keep)]

    def encode(self, block: RowBlock) -> Batch:
        """Ids (n, length) int64; a missing text is an empty one."""
        ids = np.full((len(block), self.length), self.tokeniser.pad, dtype=np.int64)
        for row, text in enumerate(block.values[self.column]):
            found = [place for _, place in self.tokeniser.pieces(text or "", self.length, keep=self.keep)]
            ids[row, : len(found)] = found
        return Batch({"values": ids}, "values", block)

    def decode(self, values: NDArray[Any]) -> dict[str, NDArray[Any]]:  # noqa: ARG002  the protocol's signature
        """Ids cannot be turned back into the text they came from; raises DataError."""
        raise DataError(f"column {self.column!r} holds text, which token ids do not give back")

    @property
    def needs_background(self) -> bool:
        """A text is left out by itself."""
        return False

    def alike(self, values: NDArray[Any]) -> NDArray[Any]:
        """Which places (n, length) hold padding."""
        return np.asarray(values == self.tokeniser.pad)

    def owners(self, values: NDArray[Any]) -> None:
        """Places are the same in all texts."""

    def absent(self, row: NDArray[Any], background: NDArray[Any]) -> NDArray[Any]:  # noqa: ARG002  the protocol's signature
        """What stands in for a row (length,) when all its pieces are left out, (1, length): padding stays padding."""
        return np.where(row == self.tokeniser.pad, self.tokeniser.pad, self.tokeniser.absent)[None]
