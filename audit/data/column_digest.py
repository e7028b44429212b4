"""`ColumnDigest`: the sha256 of a column's content, the same whatever file format and batches it comes in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audit.data import canonical

_HASHED = 65_536
"""Rows whose texts are hashed together; the digest depends on it."""


@dataclass
class ColumnDigest:
    """sha256 of a canonical column, whatever batches it comes in: numbers as they come, texts `_HASHED` rows at a time."""

    number: bool
    held: list[pa.Array] = field(default_factory=list)
    sha: Any = field(default_factory=hashlib.sha256)

    def add(self, column: pa.Array) -> None:
        """Take in the next rows."""
        if self.number:
            self.sha.update(np.ascontiguousarray(canonical.float_array(pc.fill_null(column, float("nan")))).data)
            return
        self.held.append(column)
        count = sum(map(len, self.held))
        if count >= _HASHED:
            whole = pa.concat_arrays(self.held)
            cut = count - count % _HASHED
            for start in range(0, cut, _HASHED):
                self._hash(whole.slice(start, _HASHED))
            self.held = [whole.slice(cut)]

    def digest(self) -> bytes:
        """The digest of all rows taken in."""
        if sum(map(len, self.held)):
            self._hash(pa.concat_arrays(self.held))
            self.held = []
        return bytes(self.sha.digest())

    def _hash(self, column: pa.Array) -> None:
        lengths = pc.fill_null(pc.binary_length(column), -1)
        self.sha.update(np.ascontiguousarray(lengths.to_numpy(zero_copy_only=False).astype(np.int64)).data)
        joined = pc.fill_null(column, "")
        offsets = np.frombuffer(joined.buffers()[1], dtype=np.int64)[joined.offset : joined.offset + len(joined) + 1]
        if len(joined) and joined.buffers()[2] is not None:
            self.sha.update(memoryview(joined.buffers()[2])[int(offsets[0]) : int(offsets[-1])])
