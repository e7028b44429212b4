"""Random streams by purpose and row: counter-based, so that neither batching nor the number of workers changes a draw."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def generator(seed: int, purpose: str, row: int = 0) -> np.random.Generator:
    """A Philox generator for (run seed, purpose, row position). Salmon et al. 2011, doi:10.1145/2063384.2063405."""
    digest = hashlib.sha256(f"{seed}\0{purpose}".encode()).digest()
    key = np.frombuffer(digest[:16], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, row]))


def generators(seed: int, purpose: str, rows: NDArray[np.int64]) -> list[np.random.Generator]:
    """One generator per row position."""
    return [generator(seed, purpose, int(row)) for row in rows]
