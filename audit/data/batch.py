"""`Batch`: named arrays as the network takes them, which of them is differentiable, and which entries belong to which player."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.data.dataset import RowBlock


@dataclass(frozen=True)
class Players:
    """The units of explanation and the tensor entries each stands for.

    `names` has one name per player; `owner` (entries,) int64 says for each entry of the flattened leaf which player it belongs to.
    Raw columns for tables, patches for images.
    """

    names: tuple[str, ...]
    owner: NDArray[np.int64]
    by_row: bool = False
    """Whether every row shares its entries out in its own way, among the same names; `owner` is then that of no row in particular."""


@dataclass(frozen=True)
class Batch:
    """Encoded rows. `arrays[leaf]` (n, …) float32 or float64 is what gradients are taken of; `raw` is kept for models that read columns."""

    arrays: Mapping[str, NDArray[Any]]
    leaf: str
    raw: RowBlock

    @property
    def values(self) -> NDArray[Any]:
        """The differentiable leaf, (n, …)."""
        return self.arrays[self.leaf]

    def __len__(self) -> int:
        return len(self.raw)
