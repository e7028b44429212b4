"""`JoinedDataset` and `SeveralEncoder`: rows of a table, with images, texts and series of their own, for a network with several inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.batch import Batch, Players
from audit.data.dataset import Dataset, RowBlock
from audit.data.encoding import Encoder, StructuredEncoder, TableEncoder
from audit.data.leaf import PLAIN, Part, Several
from audit.data.series import SeriesDataset
from audit.data.text_encoding import TextEncoder
from audit.errors import DataError


@dataclass(frozen=True)
class JoinedDataset:
    """Datasets of the same rows in the same order, side by side."""

    parts: tuple[Dataset, ...]

    def __post_init__(self) -> None:
        counts = {part.n_rows for part in self.parts}
        if len(counts) != 1:
            found = " and ".join(f"{count:,}" for count in sorted(counts))
            raise DataError(f"{self.name}: the inputs have {found} rows; they must be of the same rows")

    @property
    def name(self) -> str:
        """``evaluate``, ``reference`` or ``calibration``."""
        return self.parts[0].name

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.parts[0].n_rows

    @property
    def digest(self) -> str:
        """sha256 of the parts' digests; hexadecimal."""
        return hashlib.sha256("\0".join(part.digest for part in self.parts).encode()).hexdigest()

    @property
    def columns(self) -> Sequence[str]:
        """All columns that can be read."""
        return tuple(name for part in self.parts for name in part.columns)

    def blocks(self, size: int) -> Iterator[RowBlock]:
        """Rows in order, `size` at a time (the last block may be shorter)."""
        for blocks in zip(*(part.blocks(size) for part in self.parts), strict=True):
            yield _joined(blocks)

    def take(self, positions: NDArray[np.int64]) -> RowBlock:
        """The rows at sorted, unique `positions`."""
        return _joined([part.take(positions) for part in self.parts])


def part_of(dataset: Dataset, name: str) -> Iterator[SeriesDataset]:
    """The series for the input `name` among datasets side by side."""
    for part in dataset.parts if isinstance(dataset, JoinedDataset) else ():
        if isinstance(part, SeriesDataset) and part.part == name:
            yield part


def _joined(blocks: Sequence[RowBlock]) -> RowBlock:
    return RowBlock(blocks[0].positions, {name: values for block in blocks for name, values in block.values.items()})


@dataclass(frozen=True)
class SeveralEncoder:
    """The encoded inputs flattened side by side, (n, entries) of floating type; made by `join_encoders`."""

    encoders: Mapping[str, Encoder]
    arguments: Several
    dtype: str

    @property
    def players(self) -> Players:
        """The players of all inputs; those that are no columns of a table carry the name of their input."""
        names: list[str] = []
        owners: list[NDArray[np.int64]] = []
        for part, encoder in self.encoders.items():
            found = encoder.players
            owners.append(found.owner + len(names))
            names += found.names if isinstance(encoder, TableEncoder) else [f"{part} {name}" for name in found.names]
        return Players(tuple(names), np.concatenate(owners), any(encoder.players.by_row for encoder in self.encoders.values()))

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the entries of the leaf."""
        return tuple(f"{part} {name}" for part, encoder in self.encoders.items() for name in encoder.entries)

    @property
    def description(self) -> dict[str, Any]:
        """Plain data for the run."""
        parts = [{"name": part, **encoder.description} for part, encoder in self.encoders.items()]
        return {"kind": "several", "dtype": self.dtype, "parts": parts}

    @property
    def digest(self) -> str:
        """sha256 of the description; hexadecimal."""
        return hashlib.sha256(json.dumps(self.description, sort_keys=True).encode()).hexdigest()

    def encode(self, block: RowBlock) -> Batch:
        """The leaf (n, entries)."""
        parts = [encoder.encode(block).values.reshape(len(block), -1).astype(self.dtype) for encoder in self.encoders.values()]
        return Batch({"values": np.concatenate(parts, axis=1)}, "values", block)

    def decode(self, values: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Raw columns of all inputs from the leaf (n, entries)."""
        found: dict[str, NDArray[Any]] = {}
        for encoder, piece in self._pieces(values):
            found |= encoder.decode(piece)
        return found

    # ---- what stands for absent -------------------------------------------------------------------------------------------------

    @property
    def needs_background(self) -> bool:
        """Whether reference rows stand for what is left out of one of the inputs."""
        return any(not isinstance(encoder, StructuredEncoder) or encoder.needs_background for encoder in self.encoders.values())

    def alike(self, values: NDArray[Any]) -> NDArray[Any] | None:
        """What rows must share in each input, side by side."""
        found = [encoder.alike(piece) for encoder, piece in self._pieces(values) if isinstance(encoder, StructuredEncoder)]
        own = [part.reshape(len(values), -1) for part in found if part is not None]
        return np.concatenate(own, axis=1) if own else None

    def owners(self, values: NDArray[Any]) -> NDArray[np.int64] | None:
        """Players of the entries of each row (n, entries) where one of the inputs shares out its entries row by row."""
        if not self.players.by_row:
            return None
        parts, before = [], 0
        for encoder, piece in self._pieces(values):
            found = encoder.owners(piece) if isinstance(encoder, StructuredEncoder) else None
            own = encoder.players.owner if found is None else found
            parts.append(np.broadcast_to(own + before, (len(values), own.shape[-1])))
            before += len(encoder.players.names)
        return np.concatenate(parts, axis=1)

    def absent(self, row: NDArray[Any], background: NDArray[Any]) -> NDArray[Any]:
        """What stands in for a row (entries,): each input's own absence, or its part of the background rows; (b, entries)."""
        held = background if len(background) else row[None]
        parts = []
        for (encoder, own), (_, rest) in zip(self._pieces(row[None]), self._pieces(held), strict=True):
            found = encoder.absent(own[0], rest) if isinstance(encoder, StructuredEncoder) and encoder.alike(own) is not None else rest
            parts.append(found.reshape(len(found), -1))
        size = max(len(part) for part in parts)
        return np.concatenate([np.broadcast_to(part, (size, part.shape[1])) for part in parts], axis=1).astype(row.dtype)

    def _pieces(self, values: NDArray[Any]) -> Iterator[tuple[Encoder, NDArray[Any]]]:
        for encoder, part in zip(self.encoders.values(), self.arguments.parts, strict=True):
            yield encoder, values[:, part.start : part.stop].reshape(-1, *part.shape)


def text_encoders(encoder: Encoder | None) -> dict[str, TextEncoder]:
    """The encoder itself by its column, or those of its inputs by the name of the input, as far as they read text."""
    if isinstance(encoder, TextEncoder):
        return {encoder.column: encoder}
    inner = encoder.encoders if isinstance(encoder, SeveralEncoder) else {}
    return {name: one for name, one in inner.items() if isinstance(one, TextEncoder)}


def join_encoders(encoders: Mapping[str, Encoder], sample: RowBlock, dtype: str) -> SeveralEncoder:
    """The encoders of the inputs, in the order the network takes them; `sample` (at least one row) shows the shape of each."""
    parts, start = [], 0
    for name, encoder in encoders.items():
        shape = encoder.encode(sample).values.shape[1:]
        stop = start + int(np.prod(shape))
        parts.append(Part(start, stop, shape, encoder.arguments if isinstance(encoder, StructuredEncoder) else PLAIN, name))
        start = stop
    return SeveralEncoder(dict(encoders), Several(tuple(parts)), dtype)
